"""ResNets for ImageNet, and the plain networks beside them.

He, Zhang, Ren, Sun 2015, "Deep residual learning for image recognition", arXiv:1512.03385; He,
Zhang, Ren, Sun 2016, "Identity mappings in deep residual networks", arXiv:1603.05027 (v2).

`resnet50`, `resnet101` and `resnet152` stride in the first 1x1 of a bottleneck, as the paper and
keras.applications do: 3.86 GMACs, the 3.8 of Table 1. `resnet50_v1_5` and the other v1_5 networks
stride in the 3x3, as torchvision does: 4.09 GMACs. The convolutions have no biases; those of
keras.applications have, without effect before a batch norm.

`resnet50_v2` and the other v2 networks are the ResNetV2 of keras.applications, which departs from
the paper of 2016: the last block of a stage strides, not the first, and a convolution without a
following batch norm has a bias (the network of the paper has 25,549,352 parameters). The momentum
of the batch norms is 0.9, as in the authors' code, not 0.99 as in keras.applications.

`plain18` and `plain34` are Figure 3's network without shortcuts. depth, width, kernel_size and
stem: see `blocks/residual.py`; columns: see `blocks/residual_rows.py`.
"""

from __future__ import annotations

from functools import partial

from kerascnn.applications.blocks.residual import register_network
from kerascnn.applications.blocks.residual_rows import Row, RowV1, RowV2
from kerascnn.models.registry import Paper

SOURCE = "arXiv:1512.03385"
PAPER = Paper("resnet", "Deep residual learning for image recognition", SOURCE, 2015)
PAPER_V2 = Paper("resnet", "Identity mappings in deep residual networks", "arXiv:1603.05027", 2016)

# Table 1 of the paper: layers -> blocks of conv2_x, conv3_x, conv4_x, conv5_x.
REPEATS = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}

EPSILON = 1.001e-5  # of keras.applications, whose weights the rows of v1 and v2 take

BASIC = partial(RowV1, block="basic")
PLAIN = partial(BASIC, shortcut="none")
V1_5 = partial(RowV1, block="bottleneck")
V1 = partial(V1_5, stride_in="1x1", epsilon=EPSILON)
V2 = partial(RowV2, block="bottleneck", stride_at="last", biases=True, epsilon=EPSILON)

TABLE = (
    # name            builder          layers row  parameters MACs
    ("resnet18", "ResNet18", 18, BASIC, 11_689_512, 1_814_073_344),
    ("resnet34", "ResNet34", 34, BASIC, 21_797_672, 3_663_761_408),
    ("resnet50", "ResNet50", 50, V1, 25_557_032, 3_857_973_248),
    ("resnet101", "ResNet101", 101, V1, 44_549_160, 7_570_194_432),
    ("resnet152", "ResNet152", 152, V1, 60_192_808, 11_282_415_616),
    ("resnet50_v1_5", "ResNet50V1_5", 50, V1_5, 25_557_032, 4_089_184_256),
    ("resnet101_v1_5", "ResNet101V1_5", 101, V1_5, 44_549_160, 7_801_405_440),
    ("resnet152_v1_5", "ResNet152V1_5", 152, V1_5, 60_192_808, 11_513_626_624),
    ("resnet50_v2", "ResNet50V2", 50, V2, 25_568_360, 3_482_255_360),
    ("resnet101_v2", "ResNet101V2", 101, V2, 44_577_896, 7_194_476_544),
    ("resnet152_v2", "ResNet152V2", 152, V2, 60_236_904, 10_906_697_728),
    ("plain18", "Plain18", 18, PLAIN, 11_515_688, 1_794_805_760),
    ("plain34", "Plain34", 34, PLAIN, 21_623_848, 3_644_493_824),
)

for name, builder, layers, row_of, params, macs in TABLE:
    row: Row = row_of(REPEATS[layers])
    paper = PAPER_V2 if isinstance(row, RowV2) else PAPER
    register_network(paper, name, builder, row, params, macs)
