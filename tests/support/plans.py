"""Plans of rows of the registry: what tests ask of a network before it is built."""

from __future__ import annotations

from typing import Any

from kerascnn.models.costs import Plan
from kerascnn.models.planning import plan
from kerascnn.models.registry import model_info
from kerascnn.models.request import Request


def plan_of(name: str, columns: dict[str, Any] | None = None, **arguments: Any) -> Plan:
    """Returns the plan of a row; the arguments are those of `Request`."""
    return plan(model_info(name), Request(columns=columns or {}, **arguments))


def entries_of(name: str, **arguments: Any) -> dict[str, Any]:
    """Returns the entries of its plan, by layer."""
    return plan_of(name, **arguments).entries


def shapes_of(name: str, **arguments: Any) -> dict[str, tuple[int | None, ...]]:
    """Returns the output shape of every layer, without the batch."""
    return {layer: entry.cost.shape[1:] for layer, entry in entries_of(name, **arguments).items()}


def weighted_layers_of(name: str, **arguments: Any) -> list[str]:
    """Returns the names of the layers that have trainable weights."""
    entries = entries_of(name, **arguments)
    return [layer for layer, entry in entries.items() if entry.cost.trainable]


def squares(text: str) -> list[tuple[int, int, int]]:
    """Returns the shapes that "112x16 56x24" stands for: height (and width) and channels."""
    sizes = [size.split("x") for size in text.split()]
    return [(int(side), int(side), int(channels)) for side, channels in sizes]
