"""The blocks of networks for phones: depthwise layers, inverted residuals, channel shuffles."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kerascnn.applications import blocks
from kerascnn.applications.blocks import Norm
from kerascnn.errors import UsageError
from kerascnn.models.layer import Tensor
from kerascnn.models.registry import Scale, Top


def round_channels(count: float, multiple: int = 8) -> int:
    """Returns a number of channels, rounded to a multiple as in Google's mobile networks.

    Rounds half up, to at least one multiple; adds a multiple if rounding removes more than 10 %.
    """
    rounded = max(multiple, int(count + multiple / 2) // multiple * multiple)
    return rounded + multiple if rounded < 0.9 * count else rounded


def scale_channels(count: int, scale: Scale) -> int:
    """Returns the channels at the width of `scale`, rounded to multiples of 8 unless it is 1."""
    return count if scale.width == 1 else round_channels(count * scale.width)


def conv_padding(padding: str) -> str | None:
    """Returns the `pad` of `blocks.conv` for a row's padding, "symmetric" or "same".

    Raises:
        UsageError: `padding` is neither.
    """
    if padding not in ("symmetric", "same"):
        raise UsageError(f"padding must be 'symmetric' or 'same', got {padding!r}")
    return None if padding == "symmetric" else padding


def classifier(x: Tensor, row: Any, scale: Scale, top: Top) -> Tensor:
    """Adds the usual head, with the row's dropout unless `top` sets one."""
    return blocks.classifier(x, row, scale, replace(top, dropout=top.rate(row.dropout)))


def depthwise_norm(
    x: Tensor,
    kernel: int = 3,
    stride: int = 1,
    *,
    name: str,
    norm: Norm,
    act: str | None = None,
    pad: int | str | None = None,
) -> Tensor:
    """Adds a depthwise convolution (`name`), batch norm (`name`_bn), activation (`name`_act)."""
    x = blocks.depthwise(x, kernel, stride, name=name, pad=pad)
    x = blocks.batch_norm(x, f"{name}_bn", norm)
    return x if act is None else blocks.activation(x, act, f"{name}_act")


def inverted_residual(
    x: Tensor,
    filters: int,
    expanded: int,
    kernel: int,
    stride: int,
    *,
    name: str,
    norm: Norm,
    act: str,
    squeezed: int = 0,
    gate: tuple[str, str] = ("relu", "sigmoid"),
    pad: str | None = None,
    drop: float = 0.0,
) -> Tensor:
    """Adds an inverted residual block (Sandler 2018, arXiv:1801.04381, figure 4).

    Args:
        x: (N, H, W, C).
        filters: channels of the output.
        expanded: channels of the depthwise convolution; C omits the expansion.
        kernel: size of the depthwise filters.
        stride: of the depthwise convolution; with 1 and equal channels, a shortcut is added.
        name: prefix of the names of its layers.
        norm: constants of the batch norms.
        act: activation of the expansion and the depthwise layer; the projection is linear.
        squeezed: channels inside the squeeze-and-excitation (Hu 2017), 0 for none.
        gate: activations of the two layers of the squeeze-and-excitation.
        pad: None for symmetric padding, "same" for that of TensorFlow.
        drop: share of the samples that skip the block while training.
    """
    shortcut = x
    if expanded != x.shape[-1]:
        x = blocks.conv_norm(x, expanded, 1, name=f"{name}_expand", norm=norm, act=act)
    x = depthwise_norm(x, kernel, stride, name=f"{name}_dw", norm=norm, act=act, pad=pad)
    if squeezed:
        x = blocks.squeeze_excite(x, squeezed, name=f"{name}_se", act=gate[0], gate=gate[1])
    x = blocks.conv_norm(x, filters, 1, name=f"{name}_project", norm=norm, act=None)
    if stride != 1 or shortcut.shape[-1] != filters:
        return x
    x = blocks.stochastic_depth(x, drop, f"{name}_drop")
    return blocks.add([shortcut, x], f"{name}_add")


def channel_shuffle(x: Tensor, groups: int, name: str) -> Tensor:
    """Distributes the channels of every group over all groups (Zhang 2017, arXiv:1707.01083)."""
    return x if groups == 1 else blocks.layer("ChannelShuffle", x, name, groups=groups)


def channel_slice(x: Tensor, part: int, name: str, parts: int = 2) -> Tensor:
    """Takes part number `part`, from 0, of `parts` equal parts of the channels."""
    return blocks.layer("ChannelSlice", x, name, part=part, parts=parts)
