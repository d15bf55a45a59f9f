"""The blocks of the families, each from its own paper; weights are named as the package names them.

Every function takes (N, H, W, C), the weights by "layer/variable", and the name of the block.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from support.reference import pooling
from support.reference.activations import relu, relu6, sigmoid, silu
from support.reference.convolution import Sides, convolve, depthwise, same
from support.reference.normalization import normalized

Weights = Mapping[str, np.ndarray]
Activation = Callable[[np.ndarray], np.ndarray]


def conv(
    x: np.ndarray,
    w: Weights,
    name: str,
    stride: int = 1,
    *,
    pad: int | tuple[int, int] | Sides | None = None,
    groups: int = 1,
) -> np.ndarray:
    """A convolution; padded by half the filter unless told otherwise."""
    kernel = w[f"{name}/kernel"]
    if pad is None:
        pad = (kernel.shape[0] // 2, kernel.shape[1] // 2)
    return convolve(x, kernel, w.get(f"{name}/bias"), stride=stride, pad=pad, groups=groups)


def norm(x: np.ndarray, w: Weights, name: str, epsilon: float) -> np.ndarray:
    """A batch norm at inference."""
    return normalized(
        x,
        w[f"{name}/moving_mean"],
        w[f"{name}/moving_variance"],
        w.get(f"{name}/gamma", 1.0),
        w[f"{name}/beta"],
        epsilon,
    )


def excited(
    x: np.ndarray, w: Weights, name: str, inner: Activation = relu, gate: Activation = sigmoid
) -> np.ndarray:
    """Hu 2017, section 3: squeeze by the mean, two layers, and a gate for each channel."""
    z = pooling.everywhere(x)
    s = inner(z @ w[f"{name}_reduce/kernel"][0, 0] + w[f"{name}_reduce/bias"])
    s = gate(s @ w[f"{name}_expand/kernel"][0, 0] + w[f"{name}_expand/bias"])
    return x * s[:, None, None, :]


def residual(
    x: np.ndarray,
    w: Weights,
    name: str,
    strides: tuple[int, ...],
    *,
    groups: int = 1,
    squeeze: bool = False,
    epsilon: float = 1e-5,
) -> np.ndarray:
    """He 2015, Figures 2 and 5: relu(shortcut + branch); a projection, or zeros behind and before.

    `strides` are those of the branch's convolutions; the middle one of three may be grouped.
    """
    y = x
    for number, stride in enumerate(strides, 1):
        grouped = groups if len(strides) == 3 and number == 2 else 1
        y = conv(y, w, f"{name}_conv{number}", stride, groups=grouped)
        y = norm(y, w, f"{name}_conv{number}_bn", epsilon)
        if number < len(strides):
            y = relu(y)
    if squeeze:
        y = excited(y, w, f"{name}_se")
    stride = int(np.prod(strides))
    if f"{name}_shortcut/kernel" in w:
        x = norm(conv(x, w, f"{name}_shortcut", stride), w, f"{name}_shortcut_bn", epsilon)
    else:
        x = np.asarray(x)[:, ::stride, ::stride]
        missing = y.shape[-1] - x.shape[-1]
        x = np.pad(x, [(0, 0)] * 3 + [(missing // 2, missing - missing // 2)])
    return relu(x + y)


def pre_activated(
    x: np.ndarray,
    w: Weights,
    name: str,
    strides: tuple[int, ...],
    epsilon: float = 1e-5,
) -> np.ndarray:
    """He 2016, Figure 4(e): norm, ReLU, convolution; a projection sees the first norm and ReLU.

    Without a projection, a striding block passes every second value.
    """
    y = first = relu(norm(x, w, f"{name}_bn1", epsilon))
    for number, stride in enumerate(strides, 1):
        if number > 1:
            y = relu(norm(y, w, f"{name}_bn{number}", epsilon))
        y = conv(y, w, f"{name}_conv{number}", stride)
    stride = int(np.prod(strides))
    if f"{name}_shortcut/kernel" in w:
        return conv(first, w, f"{name}_shortcut", stride) + y
    return np.asarray(x)[:, ::stride, ::stride] + y


def inception(x: np.ndarray, w: Weights, name: str) -> np.ndarray:
    """Szegedy 2014, Figure 2(b)."""

    def layer(x: np.ndarray, part: str) -> np.ndarray:
        return relu(conv(x, w, f"{name}_{part}"))

    pooled = layer(pooling.maximum(x, 3, 1, 1), "pool_proj")
    three = layer(layer(x, "3x3_reduce"), "3x3")
    five = layer(layer(x, "5x5_reduce"), "5x5")
    return np.concatenate([layer(x, "1x1"), three, five, pooled], -1)


def factorized_inception(x: np.ndarray, w: Weights, name: str) -> np.ndarray:
    """Szegedy 2015, Figure 7: branches that end in a 1x3 beside a 3x1."""

    def layer(x: np.ndarray, part: str) -> np.ndarray:
        return relu(norm(conv(x, w, f"{name}_{part}"), w, f"{name}_{part}_bn", 1e-3))

    two = layer(x, "b2_1")
    three = layer(layer(x, "b3_1"), "b3_2")
    forks = [layer(two, "b2_2_b1_1"), layer(two, "b2_2_b2_1")]
    forks += [layer(three, "b3_3_b1_1"), layer(three, "b3_3_b2_1")]
    pooled = layer(pooling.average(x, 3, 1, 1), "b4_2")
    return np.concatenate([layer(x, "b1_1"), *forks, pooled], -1)


def inception_residual(x: np.ndarray, w: Weights, name: str, factor: float) -> np.ndarray:
    """Szegedy 2016, Figures 17 and 20: a scaled module, its 1x1 linear, is added; then ReLU."""

    def layer(x: np.ndarray, part: str) -> np.ndarray:
        part = f"{name}_mixed_{part}"
        return relu(norm(conv(x, w, part), w, f"{part}_bn", 1e-3))

    long = layer(layer(layer(x, "b2_1"), "b2_2"), "b2_3")
    mixed = np.concatenate([layer(x, "b1_1"), long], -1)
    return relu(x + factor * conv(mixed, w, f"{name}_up"))


def dense_layer(x: np.ndarray, w: Weights, name: str) -> np.ndarray:
    """Huang 2016, section 3: BN-ReLU-1x1-BN-ReLU-3x3, stacked on what it saw."""
    y = x
    for number in (1, 2):
        y = relu(norm(y, w, f"{name}_conv{number}_bn", 1e-5))
        y = conv(y, w, f"{name}_conv{number}")
    return np.concatenate([x, y], -1)


def transition(x: np.ndarray, w: Weights, name: str) -> np.ndarray:
    """Huang 2016, section 3: BN, 1x1 and 2x2 average; a ReLU between as in the authors' code."""
    y = conv(relu(norm(x, w, f"{name}_conv_bn", 1e-5)), w, f"{name}_conv")
    return pooling.average(y, 2, 2)


def depth_norm(
    x: np.ndarray, w: Weights, name: str, stride: int, epsilon: float, tf_same: bool = False
) -> np.ndarray:
    """A depthwise convolution and its batch norm."""
    kernel = w[f"{name}/kernel"]
    size = kernel.shape[0]
    pad = same((x.shape[1], x.shape[2]), size, stride) if tf_same else size // 2
    return norm(depthwise(x, kernel, stride=stride, pad=pad), w, f"{name}_bn", epsilon)


def separable(x: np.ndarray, w: Weights, name: str, stride: int) -> np.ndarray:
    """Howard 2017, Figure 3 right: depthwise, BN, ReLU6 as in the authors' code, 1x1, BN, ReLU6.

    The striding convolution is padded as TensorFlow does.
    """
    y = relu6(depth_norm(x, w, f"{name}_dw", stride, 1e-3, tf_same=True))
    return relu6(norm(conv(y, w, f"{name}_pw"), w, f"{name}_pw_bn", 1e-3))


def inverted_residual(
    x: np.ndarray,
    w: Weights,
    name: str,
    stride: int,
    *,
    epsilon: float,
    act: Activation = relu6,
    inner: Activation = relu,
    gate: Activation = sigmoid,
) -> np.ndarray:
    """Sandler 2018, Figure 4; squeeze-and-excitation as Howard 2019, Figure 4, if it has one."""
    y = x
    if f"{name}_expand/kernel" in w:
        y = act(norm(conv(y, w, f"{name}_expand"), w, f"{name}_expand_bn", epsilon))
    y = act(depth_norm(y, w, f"{name}_dw", stride, epsilon))
    if f"{name}_se_reduce/kernel" in w:
        y = excited(y, w, f"{name}_se", inner, gate)
    y = norm(conv(y, w, f"{name}_project"), w, f"{name}_project_bn", epsilon)
    return x + y if stride == 1 and x.shape[-1] == y.shape[-1] else y


def efficient(x: np.ndarray, w: Weights, name: str, stride: int) -> np.ndarray:
    """Tan 2019, section 4: the inverted residual with SiLU throughout."""
    return inverted_residual(x, w, name, stride, epsilon=1e-5, act=silu, inner=silu)


def shuffled(x: np.ndarray, groups: int) -> np.ndarray:
    """Zhang 2017, section 3.1: channels as (g, n), transposed and flattened."""
    n = x.shape[-1] // groups
    y = np.empty_like(x)
    for group in range(groups):
        for channel in range(n):
            y[..., channel * groups + group] = x[..., group * n + channel]
    return y


def shuffle_unit(x: np.ndarray, w: Weights, name: str, stride: int, groups: int) -> np.ndarray:
    """Zhang 2017, Figure 2(b) and (c)."""
    y = relu(norm(conv(x, w, f"{name}_conv1", groups=groups), w, f"{name}_conv1_bn", 1e-5))
    y = depth_norm(shuffled(y, groups), w, f"{name}_dw", stride, 1e-5)
    y = norm(conv(y, w, f"{name}_conv2", groups=groups), w, f"{name}_conv2_bn", 1e-5)
    if stride == 1:
        return relu(x + y)
    bordered = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])  # whose zeros count
    return relu(np.concatenate([pooling.average(bordered, 3, 2), y], -1))


def shuffle_unit_v2(x: np.ndarray, w: Weights, name: str, stride: int) -> np.ndarray:
    """Ma 2018, Figure 3(c) and (d)."""

    def layer(x: np.ndarray, part: str) -> np.ndarray:
        return relu(norm(conv(x, w, f"{name}_{part}"), w, f"{name}_{part}_bn", 1e-5))

    half = x.shape[-1] // 2
    kept, y = (x[..., :half], x[..., half:]) if stride == 1 else (x, x)
    if stride == 2:
        kept = layer(depth_norm(x, w, f"{name}_left_dw", 2, 1e-5), "left_conv")
    y = layer(y, "conv1")
    y = layer(depth_norm(y, w, f"{name}_dw", stride, 1e-5), "conv2")
    return shuffled(np.concatenate([kept, y], -1), 2)


def twice_separable(x: np.ndarray, w: Weights, name: str, stride: int) -> np.ndarray:
    """Zoph 2017, appendix A.4: ReLU, separable convolution, BN, all applied twice."""
    for number, step in (1, stride), (2, 1):
        kernel = w[f"{name}_dw{number}/kernel"]
        pad = same((x.shape[1], x.shape[2]), kernel.shape[0], step)
        x = conv(depthwise(relu(x), kernel, stride=step, pad=pad), w, f"{name}_pw{number}")
        x = norm(x, w, f"{name}_bn{number}", 1e-3)
    return x


def normal_cell(now: np.ndarray, prev: np.ndarray, w: Weights, name: str) -> np.ndarray:
    """Zoph 2017, Figure 4 left; both inputs at one size."""

    def input_of(x: np.ndarray, part: str) -> np.ndarray:
        return norm(conv(relu(x), w, f"{name}_{part}"), w, f"{name}_{part}_bn", 1e-3)

    def sep(x: np.ndarray, part: str) -> np.ndarray:
        return twice_separable(x, w, f"{name}_{part}", 1)

    def average(x: np.ndarray) -> np.ndarray:
        return pooling.average(x, 3, 1, 1)

    h, p = input_of(now, "now"), input_of(prev, "prev")
    sums = [
        sep(h, "left1") + sep(p, "right1"),
        sep(p, "left2") + sep(p, "right2"),
        average(h) + p,
        average(p) + average(p),
        sep(h, "left5") + h,
    ]
    return np.concatenate([p, *sums], -1)


def reduction_cell(now: np.ndarray, prev: np.ndarray, w: Weights, name: str) -> np.ndarray:
    """Zoph 2017, Figure 4 right, for an older input of twice the size; zeros around the pools."""

    def sep(x: np.ndarray, part: str, stride: int = 2) -> np.ndarray:
        return twice_separable(x, w, f"{name}_{part}", stride)

    h = norm(conv(relu(now), w, f"{name}_now"), w, f"{name}_now_bn", 1e-3)
    older = relu(prev)
    moved = np.zeros_like(older)
    moved[:, :-1, :-1] = older[:, 1:, 1:]
    halves = [
        conv(older[:, ::2, ::2], w, f"{name}_prev_conv1"),
        conv(moved[:, ::2, ::2], w, f"{name}_prev_conv2"),
    ]
    p = norm(np.concatenate(halves, -1), w, f"{name}_prev_bn", 1e-3)
    border = same((h.shape[1], h.shape[2]), 3, 2)
    bordered = np.pad(h, [(0, 0), *border, (0, 0)])
    maximum, average = pooling.maximum(bordered, 3, 2), pooling.average(bordered, 3, 2)
    item = sep(h, "left1") + sep(p, "right1")
    two = maximum + sep(p, "right2")
    three = average + sep(p, "right3")
    four = pooling.average(item, 3, 1, 1) + two
    five = sep(item, "left5", 1) + maximum
    return np.concatenate([two, three, four, five], -1)


def alphago(x: np.ndarray, w: Weights) -> np.ndarray:
    """Silver 2016, Methods: 13 convolutions, a bias for each point; returns the points' scores."""
    for number in range(1, 13):
        x = relu(conv(x, w, f"conv{number}"))
    return (conv(x, w, "conv13") + w["position_bias/bias"]).reshape(len(x), -1)
