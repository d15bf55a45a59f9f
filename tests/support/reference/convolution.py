"""Convolutions, position by position.

A convolution here is what networks call one: the sum of products of a filter with the window under
it, the filter not flipped (LeCun 1998, section II.A).
"""

from __future__ import annotations

import numpy as np

Sides = tuple[tuple[int, int], tuple[int, int]]
"""Zeros (top, bottom), (left, right); negative numbers take rows and columns away."""


def sides(pad: int | tuple[int, int] | Sides) -> Sides:
    """Returns the zeros on the four sides for one number, or one for each axis."""
    vertical, horizontal = (pad, pad) if isinstance(pad, int) else pad
    return (
        (vertical, vertical) if isinstance(vertical, int) else vertical,
        (horizontal, horizontal) if isinstance(horizontal, int) else horizontal,
    )


def same(size: tuple[int, int], kernel: int, stride: int) -> Sides:
    """Returns TensorFlow's "same": ceil(size / stride) outputs, the odd zero on the far side."""
    both = []
    for item in size:
        total = max((-(-item // stride) - 1) * stride + kernel - item, 0)
        both.append((total // 2, total - total // 2))
    return both[0], both[1]


def bordered(x: np.ndarray, pad: int | tuple[int, int] | Sides, value: float = 0.0) -> np.ndarray:
    """Returns the images with a border of `value`, or cropped where the border is negative."""
    x = np.asarray(x, np.float64)
    for axis, (before, after) in zip((1, 2), sides(pad), strict=True):
        x = np.take(x, np.arange(max(-before, 0), x.shape[axis] - max(-after, 0)), axis)
        widths = [(0, 0)] * 4
        widths[axis] = (max(before, 0), max(after, 0))
        x = np.pad(x, widths, constant_values=value)
    return x


def convolve(
    x: np.ndarray,
    kernel: np.ndarray,
    bias: np.ndarray | None = None,
    *,
    stride: int = 1,
    pad: int | tuple[int, int] | Sides = 0,
    dilation: int = 1,
    groups: int = 1,
) -> np.ndarray:
    """Convolves (N, H, W, C) with filters of (h, w, C / groups, F)."""
    x, kernel = bordered(x, pad), np.asarray(kernel, np.float64)
    height, width, inputs, filters = kernel.shape
    reach = (height - 1) * dilation + 1, (width - 1) * dilation + 1
    rows = (x.shape[1] - reach[0]) // stride + 1
    columns = (x.shape[2] - reach[1]) // stride + 1
    y = np.zeros((len(x), rows, columns, filters))
    each = filters // groups
    for i in range(rows):
        for j in range(columns):
            top, left = i * stride, j * stride
            window = x[:, top : top + reach[0] : dilation, left : left + reach[1] : dilation]
            for group in range(groups):
                seen = window[..., group * inputs : (group + 1) * inputs]
                channels = slice(group * each, (group + 1) * each)
                y[:, i, j, channels] = np.einsum("nhwc,hwcf->nf", seen, kernel[..., channels])
    return y if bias is None else y + bias


def depthwise(
    x: np.ndarray,
    kernel: np.ndarray,
    bias: np.ndarray | None = None,
    *,
    stride: int = 1,
    pad: int | tuple[int, int] | Sides = 0,
) -> np.ndarray:
    """Convolves each channel with its own filter: kernel (h, w, C, 1)."""
    planes = [
        convolve(x[..., c : c + 1], kernel[:, :, c : c + 1], stride=stride, pad=pad)
        for c in range(x.shape[-1])
    ]
    y = np.concatenate(planes, -1)
    return y if bias is None else y + bias


def transposed(
    x: np.ndarray, kernel: np.ndarray, bias: np.ndarray | None = None, *, stride: int = 1
) -> np.ndarray:
    """Lays one filter, weighted by the value, into the output for each value of the input.

    Args:
        x: (N, H, W, C).
        kernel: (h, w, F, C).
        bias: (F,).
        stride: between the filters laid.

    Returns:
        (N, stride * (H - 1) + h, stride * (W - 1) + w, F), nothing cropped.
    """
    x, kernel = np.asarray(x, np.float64), np.asarray(kernel, np.float64)
    height, width, filters, _ = kernel.shape
    shape = stride * (x.shape[1] - 1) + height, stride * (x.shape[2] - 1) + width
    y = np.zeros((len(x), *shape, filters))
    for i in range(x.shape[1]):
        for j in range(x.shape[2]):
            laid = np.einsum("nc,hwfc->nhwf", x[:, i, j], kernel)
            y[:, i * stride : i * stride + height, j * stride : j * stride + width] += laid
    return y if bias is None else y + bias
