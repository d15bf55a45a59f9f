"""The names of GoogLeNet's layers in torchvision, whose `googlenet` is our `googlenet_bn`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kerascnn.weights.name_maps.layout import SourceNetwork

STEM = {"conv1": "conv1", "conv2_reduce": "conv2", "conv2": "conv3"}
# torchvision numbers the branches, and the convolutions within a branch.
BRANCHES = {
    "1x1": "branch1",
    "3x3_reduce": "branch2.0",
    "3x3": "branch2.1",
    "5x5_reduce": "branch3.0",
    "5x5": "branch3.1",
    "pool_proj": "branch4.1",
}
DENSE = {
    "predictions": "fc",
    "aux1": "aux1.fc2",
    "aux2": "aux2.fc2",
    "aux1_fc": "aux1.fc1",
    "aux2_fc": "aux2.fc1",
}


def _unit(name: str) -> str | None:
    """Returns the module of a convolution and its batch norm, or None if there is none."""
    if name in STEM:
        return STEM[name]
    if name in ("aux1_conv", "aux2_conv"):
        return name.replace("_", ".")
    _, _, rest = name.partition("_")
    module, _, branch = rest.partition("_")
    # Modules that only deeper networks have, such as inception_4a_2, have no counterpart.
    return f"inception{module}.{BRANCHES[branch]}" if branch in BRANCHES else None


def torchvision(names: Sequence[str]) -> dict[str, str]:
    """Returns torchvision's module for each of our layers."""
    modules = {}
    for name in names:
        unit = _unit(name.removesuffix("_bn"))
        if name in DENSE:
            modules[name] = DENSE[name]
        elif unit is not None:
            modules[name] = f"{unit}.bn" if name.endswith("_bn") else f"{unit}.conv"
    return modules


LAYOUTS = {"torchvision": torchvision}


def networks(source: str, row: Any) -> tuple[SourceNetwork, ...]:
    """Returns torchvision's network."""
    columns = {"large": 3, "batch_norm": True, "pool4": 2, "module": "inception"}
    return (SourceNetwork(columns, 1e-3),)
