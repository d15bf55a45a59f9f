"""The codes of LeNet-5's output units, fixed for any number of classes."""

from __future__ import annotations

import numpy as np

import kerascnn
from kerascnn.applications.lenet_codes import centres


def test_rbf_centres_are_twelve_by_seven_and_apart():
    codes = np.array(centres(10, 84))
    assert codes.shape == (10, 84)
    assert set(np.unique(codes)) == {-1, 1}
    distances = ((codes[:, None] - codes[None]) ** 2).sum(-1)
    assert distances[~np.eye(10, dtype=bool)].min() >= 4 * 4  # at least four dots differ


def test_other_class_counts_get_fixed_random_codes():
    codes = np.array(centres(26, 84))
    assert codes.shape == (26, 84)
    np.testing.assert_array_equal(codes, np.array(centres(26, 84)))
    model = kerascnn.create_model("lenet5_1998", classes=26)
    assert model.output_shape == (None, 26)
