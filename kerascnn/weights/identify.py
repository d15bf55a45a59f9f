"""Which row of the registry a file of weights is of."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

from kerascnn.models.planning import plan
from kerascnn.models.registry import list_models, model_info
from kerascnn.models.request import Request
from kerascnn.weights.expected_shapes import Expected, expected
from kerascnn.weights.formats.byte_range import volume
from kerascnn.weights.formats.tensor_table import Stored
from kerascnn.weights.match_names import best_match

MAXIMUM_TENSORS = 5_000
"""No row has more; larger files are not compared with them."""


@dataclass(frozen=True)
class Candidate:
    """A row, the source of the names, and which part of the row's and the file's tensors agree."""

    row: str
    source: str
    fraction: float


@functools.cache
def _wanted(row: str) -> dict[str, Expected]:
    return expected(plan(model_info(row), Request()))


def identify(tensors: Mapping[str, Stored], most: int = 5) -> list[Candidate]:
    """Returns the rows whose tensors the file has by name and number of values, likeliest first.

    Args:
        tensors: of the file; none is read.
        most: candidates to return at most.
    """
    if len(tensors) > MAXIMUM_TENSORS:
        return []
    found = []
    for name in list_models():
        wanted = _wanted(name)
        match = best_match(tensors, wanted, model_info(name).family)
        same = 0
        for variable, key in match.keys.items():
            layer, _, kind = variable.rpartition("/")
            same += volume(wanted[layer].variables[kind]) == tensors[key].size
        all_of_both = len(match.keys) + len(match.missing) + len(match.unexpected)
        fraction = same / all_of_both if all_of_both else 0.0
        if fraction > 0.3:
            found.append(Candidate(name, match.source, fraction))
    return sorted(found, key=lambda one: -one.fraction)[:most]
