"""Which network `train` builds for a name: input size and stem by the images."""

from __future__ import annotations

import json

import numpy as np
import pytest

import kerascnn
from kerascnn.data.load import load_data
from kerascnn.recipes.fields import Recipe
from kerascnn.recipes.table import RECIPES
from kerascnn.training.train import _build, train


def images(height, width, channels=3):
    draw = np.random.default_rng(0)
    pixels = draw.integers(0, 256, (12, height, width, channels), "uint8")
    return pixels, np.arange(12) % 4


@pytest.mark.parametrize(
    ("name", "image_shape", "shape", "stem"),
    [
        # Photographs' networks see small images at their own size, from CIFAR's 32 pixels on.
        ("shufflenet_v2_x0_5", (32, 32, 3), (32, 32, 3), "small"),
        ("shufflenet_v2_x0_5", (28, 28, 1), (32, 32, 3), "small"),
        ("shufflenet_v2_x0_5", (8, 8, 1), (32, 32, 3), "small"),
        ("shufflenet_v2_x0_5", (64, 48, 3), (64, 48, 3), "small"),
        ("shufflenet_v2_x0_5", (40, 40, 4), (40, 40, 4), "small"),
        ("shufflenet_v2_x0_5", (65, 64, 3), (224, 224, 3), "paper"),
        # A network that halves its image five times and has no stem ends in 1 x 1.
        ("vgg11", (32, 32, 3), (32, 32, 3), "paper"),
        # The papers' small images stay as they are.
        ("lenet5", (28, 28, 1), (32, 32, 1), "paper"),
        ("lenet5", (64, 64, 3), (32, 32, 1), "paper"),
        ("resnet20_cifar", (48, 48, 3), (32, 32, 3), "paper"),
    ],
)
def test_size_and_stem(name, image_shape, shape, stem):
    model = _build(name, load_data(images(*image_shape), seed=0), RECIPES["default"])
    assert model.input_shape == (None, *shape)
    assert model.output_shape == (None, 4)
    origin = kerascnn.provenance(model)
    assert origin.arguments.get("stem", "paper") == stem


def test_every_network_for_photographs_takes_the_least_image():
    from kerascnn.models.input_size import LEAST_IMAGE
    from kerascnn.models.planning import SMALL_IMAGE, minimum_size
    from kerascnn.models.registry import list_models, model_info
    from kerascnn.models.request import Request

    for name in list_models():
        variant = model_info(name)
        if min(variant.input_shape[:2]) > SMALL_IMAGE:
            request = Request(input_shape=(LEAST_IMAGE, LEAST_IMAGE, 3), stem="auto")
            assert minimum_size(variant, request) <= LEAST_IMAGE, name


def test_the_run_records_size_and_stem(tmp_path, capsys):
    recipe = Recipe("test", batch_size=4, epochs=1)
    run = train("resnet18", images(32, 32), recipe=recipe, run_dir=tmp_path / "run")
    model = json.loads((run.path / "config.json").read_text())["model"]
    assert model["arguments"] == {"input_shape": [32, 32, 3], "classes": 4, "stem": "small"}
    assert (model["input_shape"], model["stem"]) == ([32, 32, 3], "small")
    assert "stem for small images, 32 x 32 pixels" in capsys.readouterr().out
    # The stem keeps the image's size and the stages halve it three times: 4 x 4, not 1 x 1.
    assert run.load("last").get_layer("features").output.shape == (None, 4, 4, 512)
    # Prepared images are used whole, with ImageNet's mean.
    assert run.preprocessing.leaves((32, 32, 3))
    again = kerascnn.create_model("resnet18", **model["arguments"])
    assert again.count_params() == model["parameters"]
