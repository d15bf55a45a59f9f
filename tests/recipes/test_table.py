"""Recipes: every published field against the paper, refusals, and fields set by text."""

from __future__ import annotations

import json
import math
from dataclasses import fields, replace

import pytest

from kerascnn.cli import main
from kerascnn.errors import UsageError
from kerascnn.recipes.fields import Recipe, class_weights, parse_field
from kerascnn.recipes.lookup import differences, resolve_recipe
from kerascnn.recipes.table import RECIPES

SGD = {"optimizer": "sgd", "momentum": 0.9, "decay": "l2", "warmup": 0.0}

# From the papers and, where these are silent, the code that their authors or followers published;
# `departures` of each recipe says which.
PAPERS = {
    # Krizhevsky 2012, sections 4 and 5
    "alexnet_2012": SGD | {
        "batch_size": 128, "learning_rate": 0.01, "weight_decay": 0.0005, "dropout": 0.5,
        "schedule": "plateau", "drops": (0.1,), "epochs": 90, "crop": "scale",
        "shorter_side": (256, 256), "flip": True, "lighting": 0.1, "ema": 0.0,
    },
    # Simonyan 2014, section 3.1
    "vgg_2014": SGD | {
        "batch_size": 256, "learning_rate": 0.01, "weight_decay": 5e-4, "dropout": 0.5,
        "schedule": "plateau", "drops": (0.1,), "epochs": 74, "crop": "scale",
        "shorter_side": (256, 512), "flip": True,
    },
    # Szegedy 2014, sections 5 and 6; rate, batch and decay: BVLC's Caffe model
    "googlenet_2014": SGD | {
        "auxiliary": True, "auxiliary_weight": 0.3, "schedule": "exponential", "drops": (0.96,),
        "drop_epochs": 8.0, "area": (0.08, 1.0), "aspect": (3 / 4, 4 / 3), "crop": "area",
        "dropout": 0.4, "learning_rate": 0.01, "batch_size": 32, "weight_decay": 2e-4, "flip": True,
    },
    # He 2015, section 3.4
    "resnet_2015": SGD | {
        "batch_size": 256, "learning_rate": 0.1, "weight_decay": 1e-4, "dropout": 0.0,
        "schedule": "plateau", "drops": (0.1,), "epochs": 120, "crop": "scale",
        "shorter_side": (256, 480), "flip": True, "lighting": 0.1,
    },
    # He 2015, section 4.2: 32k and 48k of 64k iterations of 128 of 50,000 images
    "cifar_resnet": SGD | {
        "batch_size": 128, "learning_rate": 0.1, "weight_decay": 1e-4, "schedule": "steps",
        "milestones": (32 / 64, 48 / 64), "drops": (0.1,), "epochs": math.ceil(64_000 * 128 / 5e4),
        "translate": 4, "flip": True, "dropout": 0.0, "crop": "none", "nesterov": False,
    },
    "cifar_resnet_110": SGD | {
        "warmup": 400 / 64_000, "warmup_kind": "constant", "warmup_from": 0.01 / 0.1,
        "batch_size": 128, "learning_rate": 0.1, "weight_decay": 1e-4, "epochs": 164,
    },
    # Huang 2016, section 4.2
    "densenet": SGD | {
        "batch_size": 256, "learning_rate": 0.1, "weight_decay": 1e-4, "nesterov": True,
        "epochs": 90, "milestones": (30 / 90, 60 / 90), "schedule": "steps", "drops": (0.1,),
    },
    "cifar_densenet": SGD | {
        "batch_size": 64, "learning_rate": 0.1, "weight_decay": 1e-4, "nesterov": True,
        "epochs": 300, "milestones": (0.5, 0.75), "schedule": "steps", "translate": 4, "flip": True,
    },
    # Howard 2017, section 3.2; Sandler 2018, section 6.1
    "mobilenet": {
        "optimizer": "rmsprop", "rho": 0.9, "momentum": 0.9, "learning_rate": 0.045,
        "batch_size": 96, "weight_decay": 4e-5, "spare": ("depthwise",), "schedule": "exponential",
        "drops": (0.98,), "drop_epochs": 1.0, "label_smoothing": 0.0, "auxiliary": False,
    },
    # Tan 2019, section 5.2
    "efficientnet": {
        "optimizer": "rmsprop", "rho": 0.9, "momentum": 0.9, "learning_rate": 0.256,
        "weight_decay": 1e-5, "schedule": "exponential", "drops": (0.97,), "drop_epochs": 2.4,
        "stochastic_depth": 1 - 0.8, "decay": "l2", "ema": 0.9999, "label_smoothing": 0.1,
        "dropout": None,
    },
    # LeCun 1998, section III.B: 2, 3, 3, 4 and 8 of 20 passes
    "lenet_1998": {
        "optimizer": "sgd", "schedule": "steps", "epochs": 20, "weight_decay": 0.0,
        "milestones": (2 / 20, 5 / 20, 8 / 20, 12 / 20),
        "drops": (0.0002 / 0.0005, 0.0001 / 0.0002, 0.00005 / 0.0001, 0.00001 / 0.00005),
        "flip": False,
    },
    # torchvision's recipe of 2021
    "modern": {
        "optimizer": "sgd", "momentum": 0.9, "learning_rate": 0.5, "reference_batch": 1024,
        "schedule": "cosine", "label_smoothing": 0.1, "mixup": 0.2, "cutmix": 1.0,
        "weight_decay": 2e-5, "spare": ("norm", "bias"), "warmup_from": 0.01, "randaugment": 2,
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [(name, field, value) for name, row in PAPERS.items() for field, value in row.items()],
)
def test_a_published_field_is_the_paper_s(name, field, value):
    got = getattr(RECIPES[name], field)
    assert got == (pytest.approx(value) if isinstance(value, float | tuple) else value)
    assert type(got) is type(value)


def test_every_published_recipe_is_checked_and_explained():
    assert set(PAPERS) | {"default", "distorted"} == set(RECIPES)
    names = {one.name for one in fields(Recipe)}
    for name in PAPERS:
        recipe = RECIPES[name]
        assert recipe.paper
        assert recipe.notes
        assert {field for field, _ in recipe.notes} <= names
        assert len(recipe.about) <= 88


def test_the_lecture_s_weight_decay_of_resnet_is_noted():
    assert "1e-5" in dict(RECIPES["resnet_2015"].notes)["weight_decay"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("optimizer", "adagrad"),
        ("schedule", "step"),
        ("learning_rate", 0.0),
        ("learning_rate", math.nan),
        ("learning_rate", -1.0),
        ("learning_rate", True),
        ("warmup", 1.0),
        ("warmup_kind", "none"),
        ("warmup_from", 1.5),
        ("momentum", 1.0),
        ("weight_decay", -1e-4),
        ("decay", "L2"),
        ("spare", ("norms",)),
        ("milestones", (0.5, 0.5)),
        ("milestones", (0.75, 0.5)),
        ("milestones", ()),
        ("drops", (0.0,)),
        ("drop_epochs", 0),
        ("patience", 0),
        ("epsilon", 0.0),
        ("batch_size", 0),
        ("batch_size", 1.5),
        ("accumulate", 0),
        ("clip_norm", -1.0),
        ("epochs", 0),
        ("epochs", True),
        ("ema", 1.0),
        ("dropout", 1.0),
        ("label_smoothing", 1.0),
        ("class_weights", "cat"),
        ("class_weights", "cat=-1"),
        ("class_weights", "cat=nan"),
        ("class_weights", "cat=1,cat=2"),
        ("crop", "random"),
        ("shorter_side", (200, 256)),
        ("shorter_side", (480, 256)),
        ("area", (0.0, 1.0)),
        ("aspect", (4 / 3, 3 / 4)),
        ("translate", 1.5),
        ("rotate", 181.0),
        ("zoom", 1.0),
        ("jitter", 1.0),
        ("randaugment", -1),
        ("magnitude", 11),
        ("mixup", -0.1),
        ("flip", 1),
    ],
)
def test_a_field_out_of_range_is_named_with_its_value(field, value):
    with pytest.raises(UsageError) as caught:
        Recipe("r", **{field: value})
    assert str(caught.value).startswith(f"recipe r: {field} is {value!r}; it must be ")


def test_drops_and_milestones_must_fit():
    assert Recipe("r", drops=(0.1,), milestones=(0.2, 0.4, 0.6)).drops == (0.1,)
    with pytest.raises(UsageError, match="2 drops for 3 milestones"):
        Recipe("r", drops=(0.1, 0.2), milestones=(0.2, 0.4, 0.6))


def test_resolving_changes_only_what_is_given():
    changed = resolve_recipe("default", epochs=3, batch_size=None, learning_rate=0.5)
    assert changed == replace(RECIPES["default"], epochs=3, learning_rate=0.5)
    own = Recipe("own", batch_size=7)
    assert resolve_recipe(own) == own
    assert changed.to_json()["learning_rate"] == 0.5


def test_an_unknown_recipe_is_told_with_the_nearest():
    with pytest.raises(UsageError, match="no recipe is called 'defualt'; did you mean 'default'"):
        resolve_recipe("defualt")


def test_the_rate_follows_the_batch_by_the_linear_rule():
    recipe = RECIPES["resnet_2015"]
    assert recipe.peak_rate == 0.1
    assert resolve_recipe(recipe, batch_size=64).peak_rate == pytest.approx(0.1 * 64 / 256)
    # A rate that is given is given for the batch as it is, unless told otherwise.
    assert resolve_recipe(recipe, batch_size=64, learning_rate=0.05).peak_rate == 0.05
    kept = resolve_recipe(recipe, ["learning_rate=0.4", "scale_to_batch=true"], batch_size=64)
    assert kept.peak_rate == pytest.approx(0.1)
    assert resolve_recipe("default", batch_size=8).peak_rate == RECIPES["default"].learning_rate


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("learning_rate=0.05", ("learning_rate", 0.05)),
        ("learning_rate=.05", ("learning_rate", 0.05)),
        (" learning_rate = 1e-3 ", ("learning_rate", 1e-3)),
        ("learning_rate=1", ("learning_rate", 1.0)),
        ("epochs=30", ("epochs", 30)),
        ("epochs=1e2", ("epochs", 100)),
        ("flip=true", ("flip", True)),
        ("flip=No", ("flip", False)),
        ("optimizer=sgd", ("optimizer", "sgd")),
        ("dropout=none", ("dropout", None)),
        ("dropout=0.3", ("dropout", 0.3)),
        ("epsilon=1e-3", ("epsilon", 1e-3)),
        ("milestones=0.5,0.75", ("milestones", (0.5, 0.75))),
        ("shorter_side=256, 480", ("shorter_side", (256, 480))),
        ("spare=norm,bias", ("spare", ("norm", "bias"))),
        ("spare=", ("spare", ())),
        ("class_weights=cat=2,dog=0.5", ("class_weights", "cat=2,dog=0.5")),
    ],
)
def test_a_text_sets_a_field_of_its_type(setting, expected):
    field, value = parse_field(setting)
    assert (field, value) == expected
    assert type(value) is type(expected[1])


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("lerning_rate=1", "no field 'lerning_rate'; did you mean 'learning_rate'?"),
        ("learning_rate", "write FIELD=VALUE"),
        ("learning_rate=fast", "learning_rate='fast'; needed is float"),
        ("learning_rate=true", "needed is float"),
        ("epochs=1.5", "needed is int"),
        ("flip=2", "needed is bool"),
        ("about=mine", "only explains"),
        ("zzz=1", "a recipe has no field 'zzz'; it has optimizer"),
    ],
)
def test_a_text_that_sets_nothing_is_told(setting, message):
    with pytest.raises(UsageError) as caught:
        resolve_recipe("default", [setting])
    assert message in str(caught.value)
    assert len(str(caught.value)) <= 400


def test_a_recipe_survives_json_without_its_explanations():
    for recipe in RECIPES.values():
        again = Recipe.from_json(json.loads(json.dumps(recipe.to_json())))
        assert again.to_json() == recipe.to_json()
        assert again == replace(recipe, about="", paper="", notes=(), departures=())
    with pytest.raises(UsageError, match="no field 'colour'"):
        Recipe.from_json({"name": "x", "colour": 1})


def test_class_weights_are_read():
    assert class_weights("balanced") == class_weights("none") == {}
    assert class_weights("cat=2, dog=0.5") == {"cat": 2.0, "dog": 0.5}
    assert class_weights("a=b=3") == {"a=b": 3.0}


def test_the_command_lists_and_prints_recipes(capsys):
    assert main(["recipes"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in RECIPES)
    assert main(["recipes", "resnet_2015"]) == 0
    shown = capsys.readouterr().out
    rows = {line.split()[0]: line for line in shown.splitlines() if line.strip()}
    assert rows["weight_decay"].split()[1] == "0.0001"
    assert "1e-5" in rows["weight_decay"]
    assert rows["drops"].split()[1] == "0.1"
    assert "departure: what a plateau is" in shown
    for field in differences(RECIPES["resnet_2015"]):
        assert field in rows
    assert main(["recipes", "modern", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["cutmix"] == 1.0
    assert record["notes"]["cutmix"] == "torchvision: 1.0"
    assert main(["recipes", "resnet"]) == 2
    assert "did you mean" in capsys.readouterr().err
