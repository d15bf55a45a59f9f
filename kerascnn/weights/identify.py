"""Which row of the registry a file of weights is of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kerascnn.assemble import Request, plan
from kerascnn.registry import list_models, model_info
from kerascnn.weights.checkpoint import Stored
from kerascnn.weights.expected import expected
from kerascnn.weights.matching import best_match


@dataclass(frozen=True)
class Candidate:
    """A row, the source of the names, and which part of the row's and the file's tensors agree."""

    row: str
    source: str
    fraction: float


def identify(tensors: Mapping[str, Stored], most: int = 5) -> list[Candidate]:
    """Returns the rows whose tensors the file has by name and number of values, likeliest first.

    Args:
        tensors: of the file; none is read.
        most: candidates to return at most.
    """
    found = []
    for name in list_models():
        variant = model_info(name)
        wanted = expected(plan(variant, Request()))
        match = best_match(tensors, wanted, variant.family)
        same = 0
        for variable, key in match.keys.items():
            layer, kind = variable.rsplit("/", 1)
            size = 1
            for side in wanted[layer].variables[kind]:
                size *= side
            same += size == tensors[key].size
        all_of_both = len(match.keys) + len(match.missing) + len(match.unexpected)
        fraction = same / all_of_both if all_of_both else 0.0
        if fraction > 0.3:
            found.append(Candidate(name, match.source, fraction))
    return sorted(found, key=lambda one: -one.fraction)[:most]
