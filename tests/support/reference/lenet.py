"""LeNet-5, both of them (LeCun 1998, section II.B)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from support.reference import pooling
from support.reference.activations import scaled_tanh, softmax
from support.reference.convolution import convolve

Weights = Mapping[str, np.ndarray]


def table_convolution(
    x: np.ndarray, links: np.ndarray, bias: np.ndarray, table: Sequence[Sequence[int]], size: int
) -> np.ndarray:
    """Each output map is the sum of one 2D convolution for each input map in its row of `table`.

    Args:
        x: (N, H, W, C).
        links: (size * size, connections), the connections in the order of the table.
        bias: one number for each output map.
        table: input maps of each output map.
        size: of the filters.
    """
    maps, link = [], 0
    for row in table:
        total: np.ndarray | float = 0.0
        for source in row:
            kernel = links[:, link].reshape(size, size, 1, 1)
            total = total + convolve(x[..., source : source + 1], kernel)
            link += 1
        maps.append(total)
    return np.concatenate(maps, -1) + bias


def subsampling(x: np.ndarray, coefficient: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """The sum of the four inputs, times a trainable coefficient, plus a trainable bias."""
    return coefficient * pooling.total(x, 2, 2) + bias


def radial_basis(x: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Equation (7): y_i = sum over j of (x_j - w_ij)^2; `codes` is (classes, units)."""
    return np.stack([((x - code) ** 2).sum(-1) for code in codes], -1)


def textbook(x: np.ndarray, w: Weights) -> np.ndarray:
    """Tanh, average pooling, a dense softmax; returns the probabilities."""
    for conv in ("c1", "c3"):
        x = np.tanh(convolve(x, w[f"{conv}/kernel"], w[f"{conv}/bias"]))
        x = pooling.average(x, 2, 2)
    x = np.tanh(convolve(x, w["c5/kernel"], w["c5/bias"])).reshape(len(x), -1)
    x = np.tanh(x @ w["f6/kernel"] + w["f6/bias"])
    return softmax(x @ w["predictions/kernel"] + w["predictions/bias"])


def paper(x: np.ndarray, w: Weights, table: Sequence[Sequence[int]]) -> np.ndarray:
    """The network of 1998; returns the distances to the classes' codes."""
    x = scaled_tanh(convolve(x, w["c1/kernel"], w["c1/bias"]))
    x = scaled_tanh(subsampling(x, w["s2/coefficient"], w["s2/bias"]))
    x = scaled_tanh(table_convolution(x, w["c3/kernel"], w["c3/bias"], table, 5))
    x = scaled_tanh(subsampling(x, w["s4/coefficient"], w["s4/bias"]))
    x = scaled_tanh(convolve(x, w["c5/kernel"], w["c5/bias"])).reshape(len(x), -1)
    x = scaled_tanh(x @ w["f6/kernel"] + w["f6/bias"])
    return radial_basis(x, w["rbf/codes"].T)
