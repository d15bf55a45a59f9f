"""Finds the rows of the registry whose weights a file may hold."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

from kerascnn.models.planning import plan
from kerascnn.models.registry import list_models, model_info
from kerascnn.models.request import Request
from kerascnn.weights.expected_shapes import Expected, expected
from kerascnn.weights.formats.byte_range import volume
from kerascnn.weights.formats.tensor_table import StoredTensor
from kerascnn.weights.match_names import best_match

MAXIMUM_TENSORS = 5_000
"""Files with more tensors are not compared with the registry; no row has as many."""
MINIMUM_FRACTION = 0.3
"""Rows with a smaller fraction of agreeing tensors are not returned."""


@dataclass(frozen=True)
class Candidate:
    """A row of the registry whose weights a file may hold.

    Args:
        row: the row's name.
        source: the library whose names the tensors have.
        fraction: fraction of all tensors, of the row and of the file, that agree, from 0 to 1.
    """

    row: str
    source: str
    fraction: float


@functools.cache
def _layers(row: str) -> dict[str, Expected]:
    return expected(plan(model_info(row), Request()))


def identify(tensors: Mapping[str, StoredTensor], most: int = 5) -> list[Candidate]:
    """Returns the rows whose tensors agree with the file's in name and size, the best first.

    Args:
        tensors: the file's tensors; their values are not read.
        most: largest number of candidates to return.
    """
    if len(tensors) > MAXIMUM_TENSORS:
        return []
    candidates = []
    for row in list_models():
        layers = _layers(row)
        match = best_match(tensors, layers, model_info(row).family)
        same_size = 0
        for name, key in match.keys.items():
            layer, _, variable = name.rpartition("/")
            same_size += volume(layers[layer].variables[variable]) == tensors[key].size
        total = len(match.keys) + len(match.missing) + len(match.unexpected)
        fraction = same_size / total if total else 0.0
        if fraction > MINIMUM_FRACTION:
            candidates.append(Candidate(row, match.source, fraction))
    return sorted(candidates, key=lambda candidate: -candidate.fraction)[:most]
