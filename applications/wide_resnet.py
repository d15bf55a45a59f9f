"""Wide ResNets, for CIFAR and for ImageNet.

Zagoruyko, Komodakis 2016, "Wide residual networks", arXiv:1605.07146. WRN-28-10 has 28 layers and
10 times the channels of a ResNet for CIFAR: pre-activated blocks of two 3x3, and a 1x1 projection
where the channels change. The projection reads the output of the block's first batch norm and ReLU,
as in the authors' code. `block_dropout` is the paper's dropout between a block's convolutions (0.3
for CIFAR).

`wide_resnet50_2` and `wide_resnet101_2` are torchvision's: bottlenecks whose 3x3 is twice as wide.

depth, width, kernel_size and stem: see `blocks/residual.py`; columns: see
`blocks/residual_rows.py`. The paper's k does not change the 16 channels of conv1; `width`
multiplies them, too.
"""

from __future__ import annotations

from kerascnn.applications.blocks.residual import register_network
from kerascnn.applications.blocks.residual_rows import RowV1, RowV2
from kerascnn.models.registry import Paper

PAPER = Paper("wide_resnet", "Wide residual networks", "arXiv:1605.07146", 2016)

# Table 1 of the paper is the network, Table 5 has the depths and widening factors.
CIFAR = (
    # layers  k  parameters  MACs
    (16, 8, 10_961_370, 1_548_145_664),
    (28, 10, 36_479_194, 5_243_328_768),
    (40, 4, 8_949_210, 1_298_582_016),
)
# torchvision: layers, blocks of conv2_x to conv5_x, parameters, MACs
IMAGENET = (
    (50, (3, 4, 6, 3), 68_883_240, 11_398_021_120),
    (101, (3, 4, 23, 3), 126_886_696, 22_753_050_624),
)


for layers, k, params, macs in CIFAR:
    n = (layers - 4) // 6
    row_v2 = RowV2((n, n, n), "basic", (16 * k, 32 * k, 64 * k), "3x3", 16)
    register_network(PAPER, f"wrn{layers}_{k}", f"WRN{layers}_{k}", row_v2, params, macs)

for layers, repeats, params, macs in IMAGENET:
    row_v1 = RowV1(repeats, "bottleneck", group_width=128)
    register_network(PAPER, f"wide_resnet{layers}_2", f"WideResNet{layers}_2", row_v1, params, macs)
