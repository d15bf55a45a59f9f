"""One layer's tensors between the orders of two frameworks."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn.weights import axis_order
from support import seeded_weights
from support.reference import convolution, normalization


def torch_convolve(x: np.ndarray, weight: np.ndarray, groups: int = 1) -> np.ndarray:
    """PyTorch's convolution by its documentation: x (N, C, H, W), weight (F, C / groups, h, w)."""
    filters, inputs, height, width = weight.shape
    rows, columns = x.shape[2] - height + 1, x.shape[3] - width + 1
    y = np.zeros((len(x), filters, rows, columns))
    for f in range(filters):
        first = f // (filters // groups) * inputs
        for i in range(rows):
            for j in range(columns):
                window = x[:, first : first + inputs, i : i + height, j : j + width]
                y[:, f, i, j] = (window * weight[f]).sum((1, 2, 3))
    return y


@pytest.mark.parametrize("groups", [1, 3])
def test_convolution_from_torch(groups: int) -> None:
    x = seeded_weights.uniform("x", (2, 6, 5, 4))
    weight = seeded_weights.uniform("weight", (9, 6 // groups, 3, 2))
    kernel = axis_order.from_torch(weight, "Conv2D", "kernel", (3, 2, 6 // groups, 9))
    ours = convolution.convolve(x.transpose(0, 2, 3, 1), kernel, groups=groups)
    np.testing.assert_allclose(
        ours.transpose(0, 3, 1, 2), torch_convolve(x, weight, groups), atol=1e-5
    )


def test_depthwise_from_torch() -> None:
    x = seeded_weights.uniform("x", (2, 4, 5, 6))
    weight = seeded_weights.uniform("weight", (4, 1, 3, 3))
    kernel = axis_order.from_torch(weight, "DepthwiseConv2D", "kernel", (3, 3, 4, 1))
    ours = convolution.depthwise(x.transpose(0, 2, 3, 1), kernel)
    np.testing.assert_allclose(
        ours.transpose(0, 3, 1, 2), torch_convolve(x, weight, groups=4), atol=1e-5
    )


def test_dense_behind_a_flattened_map_from_torch() -> None:
    x = seeded_weights.uniform("x", (2, 3, 4, 5))  # N, C, H, W
    weight = seeded_weights.uniform("weight", (7, 60))
    kernel = axis_order.from_torch(weight, "Dense", "kernel", (60, 7), (4, 5, 3))
    ours = x.transpose(0, 2, 3, 1).reshape(2, 60) @ kernel
    np.testing.assert_allclose(ours, x.reshape(2, 60) @ weight.T, rtol=1e-5)


def test_dense_window_as_a_convolution() -> None:
    x = seeded_weights.uniform("x", (2, 3, 4, 5))
    weight = seeded_weights.uniform("weight", (7, 60))
    kernel = axis_order.from_torch(weight, "Conv2D", "kernel", (4, 5, 3, 7))
    ours = convolution.convolve(x.transpose(0, 2, 3, 1), kernel)[:, 0, 0]
    np.testing.assert_allclose(ours, x.reshape(2, 60) @ weight.T, rtol=1e-5)


@pytest.mark.parametrize(
    ("kind", "ours", "theirs", "flattened"),
    [
        ("Conv2D", (3, 5, 4, 6), (6, 4, 3, 5), None),
        ("GroupedConv2D", (3, 3, 2, 6), (6, 2, 3, 3), None),
        ("Conv2D", (1, 1, 4, 6), (6, 4), None),
        ("DepthwiseConv2D", (3, 5, 4, 2), (8, 1, 3, 5), None),
        ("Conv2DTranspose", (4, 4, 2, 3), (3, 2, 4, 4), None),
        ("Dense", (8, 6), (6, 8), None),
        ("Dense", (8, 6), (6, 8, 1, 1), None),
        ("Dense", (24, 6), (6, 24), (2, 3, 4)),
        ("Dense", (24, 6), (6, 4, 2, 3), (2, 3, 4)),
    ],
)
def test_there_and_back(
    kind: str, ours: tuple[int, ...], theirs: tuple[int, ...], flattened: axis_order.MapShape | None
) -> None:
    array = seeded_weights.uniform("a", ours)
    there = axis_order.to_torch(array, kind, "kernel", theirs, flattened)
    assert there.shape == theirs
    np.testing.assert_array_equal(
        axis_order.from_torch(there, kind, "kernel", ours, flattened), array
    )


@pytest.mark.parametrize(
    ("kind", "variable", "ours", "theirs"),
    [
        ("Conv2D", "kernel", (3, 3, 4, 6), (4, 6, 3, 3)),  # as many values, two axes swapped
        ("Conv2D", "kernel", (3, 5, 4, 6), (6, 4, 5, 3)),
        ("Dense", "kernel", (8, 6), (8, 6)),
        ("DepthwiseConv2D", "kernel", (3, 3, 4, 1), (1, 4, 3, 3)),
        ("Dense", "bias", (6,), (5,)),
    ],
)
def test_a_foreign_shape_is_refused(
    kind: str, variable: str, ours: tuple[int, ...], theirs: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match="shape"):
        axis_order.from_torch(np.zeros(theirs), kind, variable, ours)
    with pytest.raises(ValueError, match="shape"):
        axis_order.to_torch(np.zeros(ours), kind, variable, theirs)


def test_names() -> None:
    assert axis_order.tensor_names("Conv2D", "kernel", "torch") == ("weight",)
    assert axis_order.tensor_names("BatchNormalization", "moving_variance", "torch") == (
        "running_var",
    )
    assert axis_order.tensor_names("DepthwiseConv2D", "kernel", "keras") == (
        "kernel",
        "depthwise_kernel",
    )
    assert axis_order.tensor_names("Conv2D", "kernel", "keras") == ("kernel", "pointwise_kernel")
    assert axis_order.tensor_names("Dense", "bias", "keras") == ("bias",)


def test_a_convolutions_bias_folds_into_the_moving_mean() -> None:
    x, bias = seeded_weights.uniform("x", (2, 3, 3, 4)), seeded_weights.uniform("bias", (4,))
    mean, variance = (
        seeded_weights.uniform("mean", (4,)),
        1 + 0.5 * seeded_weights.uniform("variance", (4,)),
    )
    folded = normalization.normalized(x, axis_order.without_bias(mean, bias), variance)
    np.testing.assert_allclose(
        folded, normalization.normalized(x + bias, mean, variance), atol=1e-6
    )


def test_an_epsilon_folds_into_the_moving_variance_and_gamma() -> None:
    """From 1e-5 to 1e-3, a variance of 3e-4 becomes 0, and its gamma sqrt(1e-3 / 3.1e-4) times."""
    x = seeded_weights.uniform("x", (2, 3, 3, 6))
    mean, gamma = np.zeros(6), np.asarray([0.5, -2, 1, 3, 1, 1])
    variance = np.asarray([0, 3e-4, 9.9e-4, 0.002, 1.0, 30.0])
    moved, scale = axis_order.with_epsilon(variance, 1e-5, 1e-3)
    np.testing.assert_allclose(moved[:2], 0)
    np.testing.assert_allclose(moved[2:], variance[2:] - 9.9e-4, atol=1e-15)
    np.testing.assert_allclose(scale[:2], [10, (1e-3 / 3.1e-4) ** 0.5])
    np.testing.assert_allclose(scale[2:], 1, atol=1e-12)
    np.testing.assert_allclose(
        normalization.normalized(x, mean, moved, epsilon=1e-3) * gamma * scale,
        normalization.normalized(x, mean, variance, epsilon=1e-5) * gamma,
    )
    raised, same = axis_order.with_epsilon(variance, 1e-3, 1e-5)  # never below zero
    np.testing.assert_allclose(raised, variance + 9.9e-4)
    assert (same == 1).all()


def test_a_dense_layer_and_a_convolution_over_the_whole_map_are_alike_in_keras() -> None:
    kernel = seeded_weights.uniform("kernel", (2, 3, 4, 5))
    x = seeded_weights.uniform("x", (2, 2, 3, 4))
    dense = axis_order.as_keras(kernel, (24, 5))
    np.testing.assert_allclose(
        x.reshape(2, 24) @ dense, convolution.convolve(x, kernel)[:, 0, 0], rtol=1e-4
    )
    with pytest.raises(ValueError, match="shape"):
        axis_order.as_keras(kernel, (3, 2, 4, 5))
