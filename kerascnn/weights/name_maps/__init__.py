"""How other libraries name the layers of our families: one module a family, standard library only.

Each has `LAYOUTS`: source ("torchvision", "timm", "keras", …) -> a function that takes our names of
the layers with weights, in the model's order, and returns the source's module for each. What
becomes of the tensors inside a module is the same for all families: `kerascnn.weights.axis_order`.
"""

from __future__ import annotations

from types import ModuleType

from kerascnn.weights.name_maps import (
    alexnet,
    densenet,
    efficientnet,
    fcn,
    googlenet,
    inception,
    mobilenet,
    nasnet,
    resnet,
    resnext,
    senet,
    shufflenet,
    vgg,
    wide_resnet,
)
from kerascnn.weights.name_maps.types import Layout

_FAMILIES: dict[str, ModuleType] = {
    "alexnet": alexnet,
    "densenet": densenet,
    "efficientnet": efficientnet,
    "fcn": fcn,
    "googlenet": googlenet,
    "inception": inception,
    "mobilenet": mobilenet,
    "nasnet": nasnet,
    "resnet": resnet,
    "resnext": resnext,
    "senet": senet,
    "shufflenet": shufflenet,
    "vgg": vgg,
    "wide_resnet": wide_resnet,
}


def layouts(family: str) -> dict[str, Layout]:
    """Returns the layouts of a family by source; empty when no other library has it."""
    known: dict[str, Layout] = getattr(_FAMILIES.get(family), "LAYOUTS", {})
    return known


def source_epsilon(family: str | None, source: str, ours: float) -> float:
    """Returns the epsilon of a source's batch norms; ours where nothing else is known."""
    module = None if family is None else _FAMILIES.get(family)
    return float(getattr(module, "EPSILONS", {}).get(source, ours))
