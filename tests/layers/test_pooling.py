"""Sum, L2 and weighted pooling against their definitions in NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn.layers import L2Pooling2D, SumPooling2D, WeightedPooling2D


def windows(x, size, stride):
    """The windows inside the maps of x: (N, H', W', size * size, C)."""
    view = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(1, 2))
    view = view[:, ::stride, ::stride]
    return np.moveaxis(view, 3, -1).reshape(*view.shape[:3], size * size, x.shape[-1])


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(size=(2, 9, 8, 3)).astype("float32")


def test_sum_and_l2(x):
    inside = windows(x, 2, 2).astype("float64")
    np.testing.assert_allclose(np.asarray(SumPooling2D()(x)), inside.sum(3), atol=1e-5)
    wanted = np.sqrt((inside**2).sum(3))
    np.testing.assert_allclose(np.asarray(L2Pooling2D()(x)), wanted, rtol=1e-5)
    inside = windows(x, 3, 1).astype("float64")
    np.testing.assert_allclose(np.asarray(SumPooling2D(3, 1)(x)), inside.sum(3), atol=1e-5)


def test_the_weighted_average(x):
    """Weights 1 2 1, 2 4 2, 1 2 1 around every second value; at the border those inside count."""
    weights = np.outer([1, 2, 1], [1, 2, 1])
    wanted = np.zeros((2, 5, 4, 3))
    for row in range(5):
        for column in range(4):
            inside = [
                (weights[i + 1, j + 1], x[:, 2 * row + i, 2 * column + j])
                for i in (-1, 0, 1)
                for j in (-1, 0, 1)
                if 0 <= 2 * row + i < 9 and 0 <= 2 * column + j < 8
            ]
            total = sum(weight for weight, _ in inside)
            wanted[:, row, column] = sum(weight * value for weight, value in inside) / total
    np.testing.assert_allclose(np.asarray(WeightedPooling2D()(x)), wanted, atol=1e-6)
    with pytest.raises(ValueError, match="odd"):
        WeightedPooling2D(4)


def test_l2_has_a_finite_slope_at_zero():
    import tensorflow as tf

    zeros = tf.zeros((1, 4, 4, 1))
    with tf.GradientTape() as tape:
        tape.watch(zeros)
        y = L2Pooling2D()(zeros)
    assert np.abs(np.asarray(y)).max() <= 1e-6
    np.testing.assert_array_equal(np.asarray(tape.gradient(y, zeros)), 0)
    large = np.full((1, 2, 2, 1), 300.0, "float16")  # whose squares overflow float16
    assert float(np.asarray(L2Pooling2D(dtype="float16")(large)).item()) == 600.0
