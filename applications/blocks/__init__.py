"""The layers of all family files, one function for each.

A function takes a Keras tensor and adds a named layer, or takes a planned tensor
(`kerascnn.models.costs`) and records the cost of the layer. All maps are channels_last. Padding is
symmetric unless it is "same": the "same" of Keras pads more on the far side when the stride is 2,
unlike PyTorch.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

# The import registers the costs of the package's own layers.
from kerascnn.models import custom_layer_costs as custom_layer_costs
from kerascnn.models.costs import RULES, pair
from kerascnn.models.layer import Tensor as Tensor
from kerascnn.models.layer import layer as layer

HE = "he_uniform"
"""Variance 2 / fan-in (He 2015, arXiv:1502.01852), the default of every convolution.

Uniform instead of normal as in the paper: only the variance matters for its argument, and drawing
the 138 million normal values of VGG-16 takes longer than the rest of building it."""


@dataclass(frozen=True)
class Norm:
    """The constants of batch normalisation, in the convention of Keras.

    Args:
        epsilon: added to the variance.
        momentum: the share of the old moving statistics that a step keeps; 0.1 in PyTorch is 0.9.
        scale: with a gamma.
    """

    epsilon: float = 1e-5
    momentum: float = 0.9
    scale: bool = True


def normal(stddev: float) -> dict[str, Any]:
    """Returns an initialiser that draws from a normal distribution with mean 0."""
    return {"class_name": "RandomNormal", "config": {"mean": 0.0, "stddev": stddev, "seed": None}}


def _padded(
    x: Tensor, kernel: Any, stride: Any, pad: Any, dilation: int, name: str
) -> tuple[Tensor, str]:
    """Returns the input, padded if the layer cannot pad it, and the padding of the layer."""
    if pad == "same":
        return x, "same"
    pads = _padding(kernel, stride, pad, dilation)
    if pads is None:
        return x, "same"
    if min(pads) < 0:
        x = layer("Cropping2D", x, f"{name}_crop", cropping=tuple(max(-side, 0) for side in pads))
    if max(pads) > 0:
        x = layer("ZeroPadding2D", x, f"{name}_pad", padding=tuple(max(side, 0) for side in pads))
    return x, "valid"


@functools.lru_cache
def _padding(kernel: Any, stride: Any, pad: Any, dilation: int) -> tuple[int, int] | None:
    """Returns the padding on each side, or None if "same" at stride 1 is equivalent."""
    height, width = ((size - 1) * dilation + 1 for size in pair(kernel))
    pads = (height // 2, width // 2) if pad is None else pair(pad)
    keeps = (2 * pads[0] + 1, 2 * pads[1] + 1) == (height, width)
    return None if keeps and pair(stride) == (1, 1) else pads


def _overhang(x: Tensor, size: int, stride: int, name: str) -> tuple[Tensor, str]:
    """Returns as `_padded`, for pools that round sizes up: the last window may exceed the edge."""
    left = {None if side is None else (side - size) % stride for side in x.shape[1:3]}
    if left == {0}:
        return x, "valid"
    if stride == 2 and (size == 2 or (size == 3 and left == {1})):
        return x, "same"  # its padding is then at most one row, on the far side
    far = ((0, stride - 1), (0, stride - 1))
    return layer("ZeroPadding2D", x, f"{name}_pad", padding=far), "valid"


def conv(
    x: Tensor,
    filters: int,
    kernel: int | tuple[int, int] = 3,
    stride: int = 1,
    *,
    name: str,
    pad: int | tuple[int, int] | str | None = None,
    groups: int = 1,
    dilation: int = 1,
    bias: bool = True,
    activation: str | None = None,
    init: Any = HE,
    bias_init: Any = "zeros",
    dtype: str | None = None,
) -> Tensor:
    """Adds a convolution.

    Args:
        x: (N, H, W, C).
        filters: channels of the output.
        kernel: size of the filters, one number or (height, width).
        stride: 1 or more.
        name: of the layer.
        pad: zeros on each side; None for half the kernel, which keeps the size at stride 1; "same"
            for TensorFlow's rule; a negative number crops the input.
        groups: number of groups, dividing C and `filters`.
        dilation: distance between the elements of a filter.
        bias: with a bias.
        activation: applied to the result, or None.
        init: initialiser of the kernel.
        bias_init: initialiser of the bias.
        dtype: its own dtype policy, such as "float32" for a head; None for the global policy.

    Returns:
        (N, H', W', filters).
    """
    x, padding = _padded(x, kernel, stride, pad, dilation, name)
    config: dict[str, Any] = {
        "filters": filters,
        "kernel_size": kernel,
        "strides": stride,
        "padding": padding,
        "use_bias": bias,
        "activation": activation,
        "kernel_initializer": init,
        "bias_initializer": bias_init,
    }
    if dilation != 1:
        config["dilation_rate"] = dilation
    if dtype is not None:
        config["dtype"] = dtype
    if groups == 1:
        return layer("Conv2D", x, name, **config)
    return layer("GroupedConv2D", x, name, groups=groups, **config)


def depthwise(
    x: Tensor,
    kernel: int = 3,
    stride: int = 1,
    *,
    name: str,
    pad: int | str | None = None,
    bias: bool = False,
    init: Any = HE,
) -> Tensor:
    """Adds a convolution with one filter for each channel; arguments as in `conv`."""
    x, padding = _padded(x, kernel, stride, pad, 1, name)
    return layer(
        "DepthwiseConv2D",
        x,
        name,
        kernel_size=kernel,
        strides=stride,
        padding=padding,
        use_bias=bias,
        depthwise_initializer=init,
    )


def batch_norm(x: Tensor, name: str, norm: Norm, gamma: str = "ones") -> Tensor:
    """Adds batch normalisation (Ioffe 2015, arXiv:1502.03167)."""
    return layer(
        "BatchNormalization",
        x,
        name,
        momentum=norm.momentum,
        epsilon=norm.epsilon,
        scale=norm.scale,
        gamma_initializer=gamma,
    )


def activation(x: Tensor, kind: str, name: str) -> Tensor:
    """Adds an activation: "relu", "relu6", "tanh", "silu", …, or a layer of this package."""
    if kind == "relu":
        return layer("ReLU", x, name)
    if kind == "relu6":
        return layer("ReLU", x, name, max_value=6.0)
    if kind in RULES:
        return layer(kind, x, name)
    return layer("Activation", x, name, activation=kind)


def conv_norm(
    x: Tensor,
    filters: int,
    kernel: int | tuple[int, int] = 3,
    stride: int = 1,
    *,
    name: str,
    norm: Norm,
    act: str | None = "relu",
    pad: int | tuple[int, int] | str | None = None,
    groups: int = 1,
    init: Any = HE,
    gamma: str = "ones",
) -> Tensor:
    """Adds a convolution (`name`), batch norm (`name`_bn) and activation (`name`_act)."""
    x = conv(x, filters, kernel, stride, name=name, pad=pad, groups=groups, bias=False, init=init)
    x = batch_norm(x, f"{name}_bn", norm, gamma)
    return x if act is None else activation(x, act, f"{name}_act")


def max_pool(
    x: Tensor,
    size: int = 2,
    stride: int = 2,
    *,
    name: str,
    pad: int | str = 0,
    ceil: bool = False,
) -> Tensor:
    """Adds max pooling.

    Padding adds zeros, as in keras.applications, which exceed negative values; PyTorch pads with
    -inf. To agree with PyTorch, pool after a ReLU. With `ceil`, sizes are rounded up, as in Caffe:
    a 3x3 of stride 2 makes 55 of 110.
    """
    x, padding = (
        _overhang(x, size, stride, name) if ceil else _padded(x, size, stride, pad, 1, name)
    )
    return layer("MaxPooling2D", x, name, pool_size=size, strides=stride, padding=padding)


def avg_pool(x: Tensor, size: int = 2, stride: int = 2, *, name: str, pad: int | str = 0) -> Tensor:
    """Adds average pooling; with "same", or a `pad` that keeps the size, zeros do not count."""
    x, padding = _padded(x, size, stride, pad, 1, name)
    return layer("AveragePooling2D", x, name, pool_size=size, strides=stride, padding=padding)


def global_avg_pool(x: Tensor, name: str, *, keepdims: bool = False) -> Tensor:
    """Adds the mean of every channel: (N, H, W, C) -> (N, C), or (N, 1, 1, C)."""
    return layer("GlobalAveragePooling2D", x, name, keepdims=keepdims)


def flatten(x: Tensor, name: str = "flatten") -> Tensor:
    """Flattens (N, H, W, C) to (N, H*W*C), row by row, channels innermost."""
    return layer("Flatten", x, name)


def dense(
    x: Tensor,
    units: int,
    *,
    name: str,
    activation: str | None = None,
    init: Any = HE,
    bias_init: Any = "zeros",
    dtype: str | None = None,
) -> Tensor:
    """Adds a fully connected layer over the last axis."""
    config: dict[str, Any] = {
        "units": units,
        "activation": activation,
        "kernel_initializer": init,
        "bias_initializer": bias_init,
    }
    if dtype is not None:
        config["dtype"] = dtype
    return layer("Dense", x, name, **config)


def dropout(x: Tensor, rate: float | None, name: str) -> Tensor:
    """Adds dropout of a share `rate` of the values; nothing if it is 0 or None."""
    return layer("Dropout", x, name, rate=rate) if rate else x


def stochastic_depth(x: Tensor, rate: float, name: str) -> Tensor:
    """Drops a branch for a share `rate` of the samples while training; nothing if it is 0.

    The values of the other samples are multiplied by 1 / (1 - rate) in training, so that prediction
    needs no factor (Huang 2016, arXiv:1603.09382, scales prediction instead).
    """
    return layer("Dropout", x, name, rate=rate, noise_shape=(None, 1, 1, 1)) if rate else x


def add(tensors: Sequence[Tensor], name: str) -> Tensor:
    """Adds an element-wise sum."""
    return layer("Add", list(tensors), name)


def multiply(tensors: Sequence[Tensor], name: str) -> Tensor:
    """Adds an element-wise product; (N, 1, 1, C) is broadcast to (N, H, W, C)."""
    return layer("Multiply", list(tensors), name)


def pad_channels(x: Tensor, before: int, after: int, name: str) -> Tensor:
    """Adds channels of zeros before and after those of `x`."""
    # A stock layer, so that the file loads without this package. For "channels_first" it pads the
    # last two axes, which here are width and channels.
    return layer(
        "ZeroPadding2D",
        x,
        name,
        padding=((0, 0), (before, after)),
        data_format="channels_first",
    )


def concat(tensors: Sequence[Tensor], name: str) -> Tensor:
    """Concatenates feature maps along the channels."""
    return layer("Concatenate", list(tensors), name)


def lrn(
    x: Tensor,
    name: str,
    *,
    radius: int = 2,
    bias: float = 2.0,
    alpha: float = 1e-4,
    beta: float = 0.75,
) -> Tensor:
    """Adds local response normalisation across channels (Krizhevsky 2012, section 3.3).

    x / (bias + alpha * sum of squares over 2 * radius + 1 channels) ** beta. As in
    the paper, alpha is not divided by the window; in PyTorch and Caffe it is.
    """
    return layer(
        "LocalResponseNormalization", x, name, radius=radius, bias=bias, alpha=alpha, beta=beta
    )


def squeeze_excite(
    x: Tensor, squeezed: int, *, name: str, act: str = "relu", gate: str = "sigmoid"
) -> Tensor:
    """Adds squeeze-and-excitation: a gate for each channel (Hu 2017, arXiv:1709.01507).

    It is built from 1x1 convolutions on a (N, 1, 1, C) mean, which export to ONNX without
    Transposes.
    """
    s = global_avg_pool(x, f"{name}_squeeze", keepdims=True)
    s = conv(s, squeezed, 1, name=f"{name}_reduce")
    s = activation(s, act, f"{name}_reduce_act")
    s = conv(s, x.shape[-1], 1, name=f"{name}_expand")
    s = activation(s, gate, f"{name}_gate")
    return multiply([x, s], f"{name}_scale")


def classifier(x: Tensor, row: Any, scale: Any, top: Any) -> Tensor:
    """Adds the head of most networks since 2014: global average, dropout, a dense layer."""
    x = global_avg_pool(x, "avg_pool")
    x = dropout(x, top.dropout, "dropout")
    return predictions(x, top)


def fc_classifier(
    x: Tensor,
    scale: Any,
    top: Any,
    *,
    init: Any = HE,
    bias_init: Any = "zeros",
    last_init: Any = "glorot_uniform",
) -> Tensor:
    """Adds the head of networks up to 2014: fc6 and fc7 of 4,096 units with dropout of 0.5."""
    x = flatten(x)
    for name in "fc6", "fc7":
        units = scale.channels(4096)
        x = dense(x, units, name=name, activation="relu", init=init, bias_init=bias_init)
        x = dropout(x, top.rate(0.5), f"{name}_dropout")
    return predictions(x, top, last_init)


def predictions(
    x: Tensor, top: Any, init: Any = "glorot_uniform", bias_init: Any = "zeros"
) -> Tensor:
    """Adds the last dense layer, in float32 under every precision policy."""
    return dense(
        x,
        top.classes,
        name="predictions",
        activation=top.activation,
        init=init,
        bias_init=bias_init,
        dtype="float32",
    )
