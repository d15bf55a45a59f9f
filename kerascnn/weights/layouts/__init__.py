"""How other libraries name the layers of our families: one module a family, standard library only.

Each has `LAYOUTS`: source ("torchvision", "timm", "keras", …) -> a function that takes our names of
the layers with weights, in the model's order, and returns the source's module for each. What
becomes of the tensors inside a module is the same for all families: `kerascnn.weights.tensors`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence

Layout = Callable[[Sequence[str]], dict[str, str]]


def layouts(family: str) -> dict[str, Layout]:
    """Returns the layouts of a family by source; empty when no other library has it."""
    name = f"{__name__}.{family}"
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        return {}
    known: dict[str, Layout] = module.LAYOUTS
    return known
