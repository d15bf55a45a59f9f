"""The names of AlexNet's layers in torchvision, which numbers them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kerascnn.weights.name_maps.layout import SourceNetwork

# The numbers that are missing are those of ReLUs, pools and dropout.
TORCHVISION = {
    "conv1": "features.0",
    "conv2": "features.3",
    "conv3": "features.6",
    "conv4": "features.8",
    "conv5": "features.10",
    "fc6": "classifier.1",
    "fc7": "classifier.4",
    "predictions": "classifier.6",
}


def torchvision(names: Sequence[str]) -> dict[str, str]:
    """Returns torchvision's module for each of our layers that it has."""
    return {name: TORCHVISION[name] for name in names if name in TORCHVISION}


LAYOUTS = {"torchvision": torchvision}


def networks(source: str, row: Any) -> tuple[SourceNetwork, ...]:
    """Returns torchvision's network."""
    return (SourceNetwork({"pad": 2, "lrn": None}),)
