"""The names of our families' layers in other libraries, with one module per family.

Each module has `LAYOUTS`, with a `Layout` for each source ("torchvision", "timm", "keras", …): a
function that takes our names of the layers with weights, in the model's order, and returns the
source's module for each of them. The names of the tensors inside a module are the same for all
families; see `kerascnn.weights.axis_order`. `networks(source, row)` returns what the source's
network computes where the tensors do not show it: padding, strides, pools, epsilon.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

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
from kerascnn.weights.name_maps.layout import Layout, Networks, SourceNetwork

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


def networks(family: str | None, source: str, row: Any) -> tuple[SourceNetwork, ...]:
    """Returns the networks of a source that have the tensors of a row, the usual one first.

    Args:
        family: the row's family; None for a model that is not of the registry.
        source: a key of the family's layouts.
        row: the row of our table, with the columns that a user changed.
    """
    module = None if family is None else _FAMILIES.get(family)
    of_source: Networks | None = getattr(module, "networks", None)
    return (SourceNetwork(),) if of_source is None else of_source(source, row)
