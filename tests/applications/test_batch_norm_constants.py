"""Batch normalisation's constants, as the papers' code and the twins have them, in Keras's terms.

PyTorch's momentum 0.1 is the share of the new statistics, Keras's 0.9 that of the old ones.
"""

from __future__ import annotations

import keras
import numpy as np
import pytest

from kerascnn.models.registry import list_models, model_info
from support.plans import entries_of

TORCH = (0.9, 1e-5)  # torch.nn.BatchNorm2d's defaults
# family or row -> (momentum, epsilon), where it is not PyTorch's default.
OTHERS = {
    "googlenet_bn": (0.9, 1e-3),  # torchvision BasicConv2d: eps=0.001
    "mobilenet_v3_large": (0.99, 1e-3),  # torchvision: eps=0.001, momentum=0.01
    "mobilenet_v3_small": (0.99, 1e-3),
    "efficientnet_b5": (0.99, 1e-3),  # torchvision: b5 to b7 have eps=0.001, momentum=0.01
    "efficientnet_b6": (0.99, 1e-3),
    "efficientnet_b7": (0.99, 1e-3),
    "mobilenet_v1": (0.99, 1e-3),  # keras.applications: Keras's defaults
    "inception_v3": (0.99, 1e-3),
    "inception_resnet_v2": (0.99, 1e-3),
    "inception_v4": (0.9, 1e-3),  # timm: eps=0.001
    "nasnet_mobile": (0.9997, 1e-3),  # keras.applications: momentum=0.9997
    "nasnet_large": (0.9997, 1e-3),
    **{  # keras.applications: epsilon=1.001e-5; the momentum is He's own, as PyTorch's
        f"resnet{depth}{version}": (0.9, 1.001e-5)
        for depth in (50, 101, 152)
        for version in ("", "_v2")
    },
}


@pytest.mark.parametrize("name", list_models())
def test_momentum_and_epsilon(name):
    entries = entries_of(name).values()
    found = {
        (entry.config["momentum"], entry.config["epsilon"])
        for entry in entries
        if entry.kind == "BatchNormalization"
    }
    assert found <= {OTHERS.get(name, TORCH)}


@pytest.mark.parametrize(
    ("name", "momentum"), [("resnet18", 0.9), ("mobilenet_v3_small", 0.99), ("vgg11_bn", 0.9)]
)
def test_one_step_moves_the_statistics_as_arithmetic_says(name, momentum):
    keras.utils.set_random_seed(0)
    model = model_info(name)(width=0.25, input_shape=(64, 64, 3))
    norm = next(
        layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)
    )
    before = keras.Model(model.input, norm.input)
    images = np.random.default_rng(0).normal(size=(4, 64, 64, 3)).astype("float32")
    values = np.asarray(before(images, training=False), "float64")
    model(images, training=True)
    mean, variance = values.mean((0, 1, 2)), values.var((0, 1, 2))
    # It starts from mean 0 and variance 1.
    np.testing.assert_allclose(np.asarray(norm.moving_mean), (1 - momentum) * mean, atol=1e-6)
    np.testing.assert_allclose(
        np.asarray(norm.moving_variance), momentum + (1 - momentum) * variance, rtol=1e-4
    )
