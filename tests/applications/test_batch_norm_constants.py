"""Batch normalisation's constants, as the papers' code and the twins have them, in Keras's terms.

PyTorch's momentum 0.1 is the share of the new statistics, Keras's 0.9 that of the old ones. The
constants themselves stand in support.network_checks.
"""

from __future__ import annotations

import pytest

from kerascnn.models.registry import list_models
from support.network_checks import check_norm_constants, check_one_step_of_statistics


@pytest.mark.parametrize("name", list_models())
def test_momentum_and_epsilon(name):
    check_norm_constants(name)


@pytest.mark.parametrize(
    ("name", "momentum"), [("resnet18", 0.9), ("mobilenet_v3_small", 0.99), ("vgg11_bn", 0.9)]
)
def test_one_step_moves_the_statistics_as_arithmetic_says(name, momentum):
    check_one_step_of_statistics(name, momentum)
