"""Batch normalisation and local response normalisation."""

from __future__ import annotations

import numpy as np


def normalized(
    x: np.ndarray,
    mean: np.ndarray,
    variance: np.ndarray,
    gamma: np.ndarray | float = 1.0,
    beta: np.ndarray | float = 0.0,
    epsilon: float = 1e-5,
) -> np.ndarray:
    """Ioffe 2015 (arXiv:1502.03167), algorithm 1, last two lines, with given statistics."""
    x = np.asarray(x, np.float64)
    return gamma * (x - mean) / np.sqrt(variance + epsilon) + beta


def batch_statistics(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Algorithm 1, first two lines: mean and variance of each channel, divided by the count."""
    x = np.asarray(x, np.float64)
    mean = x.mean((0, 1, 2))
    return mean, ((x - mean) ** 2).mean((0, 1, 2))


def moved(old: np.ndarray, new: np.ndarray, momentum: float) -> np.ndarray:
    """A moving average that keeps the share `momentum` of the old value."""
    return momentum * np.asarray(old, np.float64) + (1 - momentum) * new


def across_channels(
    x: np.ndarray, n: int, k: float = 2.0, alpha: float = 1e-4, beta: float = 0.75
) -> np.ndarray:
    """Krizhevsky 2012, section 3.3: the sum runs from max(0, i - n/2) to min(N - 1, i + n/2)."""
    x = np.asarray(x, np.float64)
    y = np.zeros_like(x)
    for i in range(x.shape[-1]):
        first, last = max(0, i - n // 2), min(x.shape[-1] - 1, i + n // 2)
        energy = (x[..., first : last + 1] ** 2).sum(-1)
        y[..., i] = x[..., i] / (k + alpha * energy) ** beta
    return y
