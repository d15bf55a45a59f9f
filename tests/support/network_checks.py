"""Checks of a row of the registry that tests/project/test_mutations.py sees fail on purpose.

The tests of tests/applications call the same functions for every row.
"""

from __future__ import annotations

import csv

import keras
import numpy as np

from kerascnn.models.registry import model_info
from support import parity
from support.paths import TESTS
from support.plans import entries_of, plan_of

with (TESTS / "support/reference/architectures.csv").open(newline="", encoding="utf-8") as stream:
    FIGURES = {row["name"]: row for row in csv.DictReader(stream)}
"""Row -> what its paper or another library prints; the last column says where it is from."""

LOGITS_TOLERANCE = 1e-4

TORCH_NORM = (0.9, 1e-5)
"""Momentum and epsilon of torch.nn.BatchNorm2d, in Keras's terms."""
OTHER_NORMS = {
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
"""Row -> (momentum, epsilon), where it is not PyTorch's default."""


def check_equal_logits(key: str) -> None:
    """Fails unless the network gives the logits of its twin in another library.

    Args:
        key: of a fixture, see `support.parity`.
    """
    differences = parity.difference(key)
    assert differences.logits <= LOGITS_TOLERANCE
    assert differences.taps <= LOGITS_TOLERANCE


def check_figures(name: str) -> None:
    """Fails unless the row's plan and record have the figures of architectures.csv."""
    variant, figures = model_info(name), FIGURES[name]
    ledger = plan_of(name)
    assert ledger.trainable == int(figures["trainable_parameters"])
    assert ledger.macs == int(figures["macs"])
    assert (variant.params, variant.macs) == (ledger.trainable, ledger.macs)
    assert "x".join(str(side) for side in variant.input_shape) == figures["input"]
    assert variant.classes == int(figures["classes"])
    assert variant.paper.year == int(figures["year"])
    assert variant.paper.source == figures["paper"]


def check_norm_constants(name: str) -> None:
    """Fails unless every batch norm of the row has the momentum and epsilon of its source."""
    constants = {
        (entry.config["momentum"], entry.config["epsilon"])
        for entry in entries_of(name).values()
        if entry.kind == "BatchNormalization"
    }
    assert constants <= {OTHER_NORMS.get(name, TORCH_NORM)}


def check_one_step_of_statistics(name: str, momentum: float) -> None:
    """Fails unless a step of training moves the first norm's statistics as `momentum` says."""
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
