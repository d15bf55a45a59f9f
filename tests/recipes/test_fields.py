"""Fields of a recipe: which values are refused, and what a text sets."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from kerascnn.errors import UsageError
from kerascnn.recipes.fields import Recipe, class_weights, parse_field
from kerascnn.recipes.table import RECIPES


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
