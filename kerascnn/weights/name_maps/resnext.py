"""Names of ResNeXts' layers in torchvision and timm: those of ResNets."""

from __future__ import annotations

from kerascnn.weights.name_maps.resnet import torchvision

LAYOUTS = {"torchvision": torchvision, "timm": torchvision}
