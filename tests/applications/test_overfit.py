"""A tiny version of every family learns 32 images by heart: it is wired so that it can learn."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from kerascnn.models.registry import list_models, model_info

# Row -> (builder's arguments, steps, learning rate). Images as small as the network takes them.
TINY = {
    # Its classes are the points of the board.
    "alphago_policy": ({"width": 0.125, "classes": None, "input_shape": (5, 5, 48)}, 60, 3e-3),
    "alexnet_owt": ({"width": 0.25, "input_shape": (64, 64, 3)}, 60, 1e-3),
    "convnet": ({}, 60, 1e-3),
    "densenet_bc100_12": ({"depth": 0.2}, 60, 3e-3),
    # A class for every pixel, here the same one all over an image.
    "fcn8s": ({"width": 0.0625, "input_shape": (32, 32, 3)}, 60, 1e-3),
    "lenet5": ({"input_shape": (32, 32, 3)}, 80, 3e-3),
    "lenet5_1998": ({"input_shape": (32, 32, 3)}, 80, 3e-3),
    "mobilenet_v1": (
        {"depth": 0.5, "width": 0.25, "input_shape": (32, 32, 3), "stem": "small"},
        60,
        3e-3,
    ),
    "resnet20_cifar": ({"depth": 0.34}, 60, 3e-3),
    "resnet18": ({"width": 0.25, "input_shape": (32, 32, 3), "stem": "small"}, 60, 3e-3),
    "se_resnet18": (
        {"depth": 0.5, "width": 0.25, "input_shape": (32, 32, 3), "stem": "small"},
        60,
        3e-3,
    ),
    "shufflenet_v2_x0_5": (
        {"depth": 0.5, "input_shape": (32, 32, 3), "stem": "small"},
        60,
        3e-3,
    ),
    "vgg11_bn": ({"width": 0.25, "input_shape": (32, 32, 3)}, 60, 1e-3),
    "wrn16_8": ({"width": 0.125}, 60, 3e-3),
    "zfnet": ({"width": 0.25, "input_shape": (96, 96, 3)}, 60, 1e-3),
}
# These take long to compile, not to learn.
SLOW = {
    # Whoever skips blocks at random does not know an image for sure.
    "efficientnet_b0": (
        {"width": 0.5, "input_shape": (64, 64, 3), "stochastic_depth": 0.0},
        80,
        3e-3,
    ),
    "googlenet": ({"width": 0.25, "input_shape": (64, 64, 3)}, 80, 1e-3),
    "inception_v3": ({"width": 0.25, "input_shape": (96, 96, 3)}, 60, 3e-3),
    "mobilenet_v2": ({"width": 0.5, "input_shape": (64, 64, 3)}, 80, 3e-3),
    "mobilenet_v3_small": ({"width": 0.5, "input_shape": (64, 64, 3)}, 80, 3e-3),
    "nasnet_mobile": ({"width": 0.25, "depth": 0.25, "input_shape": (64, 64, 3)}, 60, 3e-3),
    "resnet50_v2": ({"width": 0.25, "input_shape": (64, 64, 3)}, 60, 3e-3),
    "resnext29_8x64d": ({"width": 0.125}, 60, 3e-3),
    "shufflenet_v1_g3": ({"width": 0.5, "input_shape": (64, 64, 3)}, 80, 3e-3),
}


def learned(name, arguments, steps, rate):
    """The cross-entropy in training mode before and after `steps` full-batch steps."""
    keras.utils.set_random_seed(3)
    model = model_info(name)(**{"classes": 4, "dropout": 0, **arguments})
    generator = np.random.default_rng(3)
    images = generator.normal(size=(32, *model.input_shape[1:])).astype("float32")
    labels = np.arange(32) % 4
    pixels = model.output_shape[1:-1]
    labels = np.broadcast_to(labels.reshape(-1, *(1 for _ in pixels)), (32, *pixels))
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
    losses = [float(model.train_on_batch(images, labels)) for _ in range(steps)]
    return losses[0], losses[-1]


def test_every_family_is_here():
    families = {model_info(name).family for name in (*TINY, *SLOW)}
    assert families == {model_info(name).family for name in list_models()}


@pytest.mark.parametrize("name", TINY)
def test_32_images_are_learned(name):
    first, last = learned(name, *TINY[name])
    # Chance is log 4 = 1.39; every image known for sure is 0.
    assert first > 0.7
    assert last < 0.05


@pytest.mark.long
@pytest.mark.parametrize("name", SLOW)
def test_32_images_are_learned_by_what_compiles_slowly(name):
    first, last = learned(name, *SLOW[name])
    assert first > 0.7
    assert last < 0.05
