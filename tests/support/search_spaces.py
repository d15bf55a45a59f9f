"""Candidates of a search, and what some of them cost by hand."""

from __future__ import annotations

from typing import Any

from kerascnn.tuning import Range, SearchSpace
from kerascnn.tuning.budget import Budget
from kerascnn.tuning.candidates import Candidates

AXES: dict[str, Any] = {
    "n": (1, 2), "m": (2, 3), "k": (0, 1), "filters": (8, 16), "filter_size": (3, 5),
    "learning_rate": Range(1e-3, 1e-2, log=True),
}  # fmt: skip


def candidates_of(
    rows: object,
    budget: Budget | None = None,
    per_stage: tuple[str, ...] = (),
    shape: object = None,
    classes: int | None = None,
    **axes: object,
) -> Candidates:
    """Returns the candidates of some rows; `axes` are the values of each axis by its name."""
    return Candidates(rows, shape, classes, budget, per_stage, axes)  # type: ignore[arg-type]


def conv_parameters(kernel: int, inputs: int, outputs: int) -> int:
    """Returns the parameters of a convolution with bias."""
    return kernel * kernel * inputs * outputs + outputs


def convnet_parameters(n: int, m: int, k: int, filters: int, size: int) -> int:
    """Returns those of the lecture's form on 32x32x3 with ten classes."""
    total, channels, side = 0, 3, 32
    for stage in range(m):
        for _ in range(n):
            total += conv_parameters(size, channels, filters * 2**stage)
            channels = filters * 2**stage
        side //= 2
    values = side * side * channels
    for _ in range(k):
        total += values * 256 + 256
        values = 256
    return total + values * 10 + 10


def small_convnets(**axes: Any) -> SearchSpace:
    """Returns a space of the lecture's form; without arguments that of AXES."""
    return SearchSpace("convnet", **(axes or AXES))
