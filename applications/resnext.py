"""ResNeXts: residual networks with grouped bottlenecks.

Xie, Girshick, Dollár, Tu, He 2016, "Aggregated residual transformations for deep neural networks",
arXiv:1611.05431. 32x4d is 32 groups (the cardinality) of 4 channels in conv2_x, doubled with every
stage. The blocks are those of Figure 3(c), and the 3x3 strides, as in torchvision and in the
authors' code.

depth, width, kernel_size and stem: see `blocks/residual.py`; columns: see
`blocks/residual_rows.py`. The groups keep their number. Table 1 gives ResNet-50 4.1 GFLOPs, since
its 3x3 strides here, too; the paper of 2015 has 3.8.
"""

from __future__ import annotations

from kerascnn.applications.blocks.residual import register_network
from kerascnn.applications.blocks.residual_rows import RowV1
from kerascnn.models.registry import Paper

TITLE = "Aggregated residual transformations for deep neural networks"
PAPER = Paper("resnext", TITLE, "arXiv:1611.05431", 2016)

IMAGENET = ((64, 128, 256, 512), "7x7")
CIFAR = ((64, 128, 256), "3x3")

# Table 1 and section 5.3 of the paper.
TABLE = (
    # layers, groups, width of a group, blocks of the stages, channels and stem, parameters, MACs
    (50, 32, 4, (3, 4, 6, 3), IMAGENET, 25_028_904, 4_230_479_872),
    (101, 32, 8, (3, 4, 23, 3), IMAGENET, 88_791_336, 16_414_015_488),
    (101, 64, 4, (3, 4, 23, 3), IMAGENET, 83_455_272, 15_460_270_080),
    (29, 8, 64, (3, 3, 3), CIFAR, 34_426_698, 5_387_266_048),
)

for layers, groups, width, repeats, (channels, entry), params, macs in TABLE:
    row = RowV1(repeats, "bottleneck", channels, entry, groups=groups, group_width=width)
    title = f"{layers}_{groups}x{width}d"
    register_network(PAPER, f"resnext{title}", f"ResNeXt{title}", row, params, macs)
