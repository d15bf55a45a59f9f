"""The table of recipes: every published field against the paper."""

from __future__ import annotations

import math
from dataclasses import fields

import pytest

from kerascnn.recipes.fields import Recipe
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
    names = {field.name for field in fields(Recipe)}
    for name in PAPERS:
        recipe = RECIPES[name]
        assert recipe.paper
        assert recipe.notes
        assert {field for field, _ in recipe.notes} <= names
        assert len(recipe.about) <= 88


def test_the_lecture_s_weight_decay_of_resnet_is_noted():
    assert "1e-5" in dict(RECIPES["resnet_2015"].notes)["weight_decay"]
