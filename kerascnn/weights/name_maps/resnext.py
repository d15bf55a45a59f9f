"""The names of ResNeXt's layers in torchvision and timm, which are those of ResNet."""

from __future__ import annotations

from kerascnn.weights.name_maps.resnet import networks as networks
from kerascnn.weights.name_maps.resnet import torchvision

LAYOUTS = {"torchvision": torchvision, "timm": torchvision}
