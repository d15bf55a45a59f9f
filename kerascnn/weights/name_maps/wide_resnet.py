"""The names of Wide ResNet's layers in torchvision, timm and CIFAR checkpoints."""

from __future__ import annotations

from kerascnn.weights.name_maps.resnet import Names, torchvision
from kerascnn.weights.name_maps.resnet import networks as networks

# The names in github.com/xternalz/WideResNet-pytorch.
cifar = Names(
    "block{stage_before}.layer.{block_before}.",
    {
        **{part: part for part in ("bn1", "conv1", "bn2", "conv2")},
        "shortcut": "convShortcut",
    },
    {"conv1": "conv1", "post_bn": "bn1", "predictions": "fc"},
)

LAYOUTS = {"torchvision": torchvision, "timm": torchvision, "cifar": cifar}
