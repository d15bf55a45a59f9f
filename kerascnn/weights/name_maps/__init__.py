"""How other libraries name the layers of our families: one module a family, standard library only.

Each has `LAYOUTS`: source ("torchvision", "timm", "keras", …) -> a function that takes our names of
the layers with weights, in the model's order, and returns the source's module for each. What
becomes of the tensors inside a module is the same for all families: `kerascnn.weights.axis_order`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from types import ModuleType

OURS = "kerascnn"
"""The source whose names are ours."""

Layout = Callable[[Sequence[str]], dict[str, str]]


def _module(family: str) -> ModuleType | None:
    name = f"{__name__}.{family}"
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        return None


def layouts(family: str) -> dict[str, Layout]:
    """Returns the layouts of a family by source; empty when no other library has it."""
    known: dict[str, Layout] = getattr(_module(family), "LAYOUTS", {})
    return known


def source_epsilon(family: str | None, source: str, ours: float) -> float:
    """Returns the epsilon of a source's batch norms; ours where nothing else is known."""
    module = None if family is None else _module(family)
    return float(getattr(module, "EPSILONS", {}).get(source, ours))
