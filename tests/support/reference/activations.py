"""The non-linearities, as their papers write them."""

from __future__ import annotations

from math import erf

import numpy as np


def relu(x: np.ndarray) -> np.ndarray:
    """max(0, x)."""
    return np.maximum(x, 0)


def relu6(x: np.ndarray) -> np.ndarray:
    """min(max(0, x), 6) (Howard 2017, arXiv:1704.04861)."""
    return np.minimum(np.maximum(x, 0), 6)


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x))."""
    return 1 / (1 + np.exp(-np.asarray(x, np.float64)))


def hard_sigmoid(x: np.ndarray) -> np.ndarray:
    """ReLU6(x + 3) / 6 (Howard 2019, arXiv:1905.02244, section 5.2)."""
    return relu6(x + 3.0) / 6


def hard_swish(x: np.ndarray) -> np.ndarray:
    """x ReLU6(x + 3) / 6 (Howard 2019, section 5.2)."""
    return x * relu6(x + 3.0) / 6


def silu(x: np.ndarray) -> np.ndarray:
    """x / (1 + exp(-x)) (Ramachandran 2017, arXiv:1710.05941)."""
    return x * sigmoid(x)


def gelu(x: np.ndarray) -> np.ndarray:
    """x times the normal distribution's cumulative function (Hendrycks 2016, arXiv:1606.08415)."""
    return x * (1 + np.vectorize(erf)(np.asarray(x, np.float64) / 2**0.5)) / 2


def scaled_tanh(x: np.ndarray) -> np.ndarray:
    """A tanh(S x) with A = 1.7159 and S = 2/3 (LeCun 1998, appendix A)."""
    return 1.7159 * np.tanh(np.asarray(x, np.float64) * 2 / 3)


def softmax(x: np.ndarray) -> np.ndarray:
    """exp(x) over its sum along the last axis."""
    powers = np.exp(np.asarray(x, np.float64) - x.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)
