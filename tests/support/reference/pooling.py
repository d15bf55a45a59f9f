"""Pooling, position by position."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from support.reference.convolution import Sides, bordered


def _windows(
    x: np.ndarray, size: int, stride: int, reduce: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    rows, columns = ((side - size) // stride + 1 for side in x.shape[1:3])
    y = np.zeros((len(x), rows, columns, x.shape[-1]))
    for i in range(rows):
        for j in range(columns):
            top, left = i * stride, j * stride
            y[:, i, j] = reduce(x[:, top : top + size, left : left + size])
    return y


def maximum(
    x: np.ndarray, size: int, stride: int, pad: int | tuple[int, int] | Sides = 0
) -> np.ndarray:
    """Takes the largest value of each window; the padding never wins."""
    return _windows(bordered(x, pad, -np.inf), size, stride, lambda w: w.max((1, 2)))


def average(
    x: np.ndarray, size: int, stride: int, pad: int | tuple[int, int] | Sides = 0
) -> np.ndarray:
    """Takes the mean of what lies inside the image in each window."""
    return _windows(bordered(x, pad, np.nan), size, stride, lambda w: np.nanmean(w, (1, 2)))


def total(x: np.ndarray, size: int, stride: int) -> np.ndarray:
    """Takes the sum of each window."""
    return _windows(np.asarray(x, np.float64), size, stride, lambda w: w.sum((1, 2)))


def everywhere(x: np.ndarray) -> np.ndarray:
    """Takes the mean of each channel: (N, H, W, C) -> (N, C)."""
    return np.asarray(x, np.float64).mean((1, 2))
