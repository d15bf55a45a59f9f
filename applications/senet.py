"""Squeeze-and-excitation networks.

Hu, Shen, Albanie, Sun, Wu 2017, "Squeeze-and-excitation networks", arXiv:1709.01507. Every branch
of a ResNet or ResNeXt ends in a gate that reads all channels and reweights each of them.

`se_resnet50` to `se_resnet152`, the SE-ResNeXts and `senet154` are the authors' Caffe networks
(timm's legacy_*): SE-ResNets stride in the first 1x1 (3.86 GMACs, the 3.87 of Table 2), and the
pool of the stem pads the far edge only. timm's seresnet50 is `se_resnet50` with
`stride_in="3x3", ceil_pool=False`.

`se_resnet18` and `se_resnet34` are not in the paper. They are timm's seresnet18 and seresnet34,
whose gates have at least 8 channels.

SENet-154 (the paper's appendix): a deep stem, 3x3 shortcuts where it strides, half the channels in
the first 1x1 of every block, and dropout of 0.2.

depth, width, kernel_size and stem: see `blocks/residual.py`; columns: see
`blocks/residual_rows.py`.
"""

from __future__ import annotations

from typing import Any

from kerascnn.applications.blocks.residual import register_network
from kerascnn.applications.blocks.residual_rows import RowV1
from kerascnn.models.registry import Paper

PAPER = Paper("senet", "Squeeze-and-excitation networks", "arXiv:1709.01507", 2017)

BASIC: dict[str, Any] = {"reduction": 16}
BOTTLENECK = {**BASIC, "block": "bottleneck", "ceil_pool": True}
RESNET = {**BOTTLENECK, "stride_in": "1x1"}
RESNEXT = {**BOTTLENECK, "groups": 32, "group_width": 4}
SENET = {
    **BOTTLENECK,
    "entry": "deep",
    "stem_channels": 128,
    "groups": 64,
    "group_width": 4,
    "half_first": True,
    "shortcut_kernel": 3,
    "head_dropout": 0.2,
}

# Table 1 of the paper for 50 layers.
TABLE = (
    # name, builder, blocks of conv2_x to conv5_x, columns, parameters, MACs
    ("se_resnet18", "SEResNet18", (2, 2, 2, 2), BASIC, 11_779_624, 1_814_161_408),
    ("se_resnet34", "SEResNet34", (3, 4, 6, 3), BASIC, 21_960_416, 3_663_920_128),
    ("se_resnet50", "SEResNet50", (3, 4, 6, 3), RESNET, 28_088_024, 3_860_488_192),
    ("se_resnet101", "SEResNet101", (3, 4, 23, 3), RESNET, 49_326_872, 7_574_937_600),
    ("se_resnet152", "SEResNet152", (3, 8, 36, 3), RESNET, 66_821_848, 11_288_993_792),
    ("se_resnext50_32x4d", "SEResNeXt50_32x4d", (3, 4, 6, 3), RESNEXT, 27_559_896, 4_232_994_816),
    (
        "se_resnext101_32x4d", "SEResNeXt101_32x4d", (3, 4, 23, 3), RESNEXT,
        48_955_416, 7_974_739_968,
    ),
    ("senet154", "SENet154", (3, 8, 36, 3), SENET, 115_088_984, 20_688_363_520),
)  # fmt: skip

for name, builder, repeats, columns, params, macs in TABLE:
    register_network(PAPER, name, builder, RowV1(repeats, **columns), params, macs)
