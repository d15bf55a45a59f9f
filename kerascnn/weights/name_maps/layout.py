"""The types of a layout and of a source's network; the name of our own layout."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Layout = Callable[[Sequence[str]], dict[str, str]]
"""A function from our names of the layers with weights, in the model's order, to the source's."""

OURS = "kerascnn"
"""The source of files whose tensors have our own names."""


@dataclass(frozen=True)
class SourceNetwork:
    """What the network of a source library computes, where no tensor's shape shows it.

    Args:
        columns: the values that our row must have to compute the same.
        epsilon: epsilon of its batch norms; None for that of our row.
        names: regular expression of the source's names for it, which distinguish it from another
            network with the same tensors; empty if it needs no name.
        unsupported: what it does that none of our rows can compute, for the message; empty if one
            can.
    """

    columns: Mapping[str, Any] = field(default_factory=dict)
    epsilon: float | None = None
    names: str = ""
    unsupported: str = ""


Networks = Callable[[str, Any], tuple[SourceNetwork, ...]]
"""A function from a source and our row to the source's networks that have the row's tensors."""
