"""Names of AlexNet's layers in torchvision: modules of `features` and `classifier` by number."""

from __future__ import annotations

from collections.abc import Sequence

# Each convolution is followed by a ReLU, conv1, conv2 and conv5 by a pool as well.
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
    """Returns torchvision's module for each of our layers; it has no deeper AlexNet."""
    return {name: TORCHVISION[name] for name in names if name in TORCHVISION}


LAYOUTS = {"torchvision": torchvision}
