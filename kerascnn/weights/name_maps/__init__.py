"""The names of our families' layers in other libraries, with one module per family.

Each module has `LAYOUTS`, with a `Layout` for each source ("torchvision", "timm", "keras", …): a
function that takes our names of the layers with weights, in the model's order, and returns the
source's module for each of them. `EPSILONS` has the epsilons of a source's batch norms, if they
differ from ours. The names of the tensors inside a module are the same for all families; see
`kerascnn.weights.axis_order`.
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
from kerascnn.weights.name_maps.layout import Layout

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
    """Returns the layouts of a family by source; empty if no other library has the family."""
    by_source: dict[str, Layout] = getattr(_FAMILIES.get(family), "LAYOUTS", {})
    return by_source


def source_epsilon(family: str | None, source: str, ours: float) -> float:
    """Returns the epsilon of a source's batch norms, which is `ours` if none is listed."""
    module = None if family is None else _FAMILIES.get(family)
    return float(getattr(module, "EPSILONS", {}).get(source, ours))
