"""Inception v4 and Inception-ResNet v2.

Szegedy, Ioffe, Vanhoucke, Alemi 2016, "Inception-v4, Inception-ResNet and the impact of residual
connections on learning", arXiv:1602.07261.

`inception_resnet_v2` is the released network, as in keras.applications; no figure of the paper
shows it. Its stem is that of v3 and one more module, not that of v4; it has 320, 1088 and 2080
channels where the paper has 384, 1152 (which its Figure 17 calls 1154) and 2144 (Figure 19: 2048);
10, 20 and 10 blocks for 5, 10 and 5; residuals scaled by 0.17, 0.1 and 0.2, the last by 1 and
without ReLU. Its batch norms have no gamma. depth, width, kernel_size and stem: see
`blocks/inception.py`.
"""

from __future__ import annotations

from kerascnn.applications.blocks.inception import register_network
from kerascnn.applications.blocks.inception_modules import AVG, MAX, Conv, Residual, Row
from kerascnn.applications.inception_v3 import V3
from kerascnn.models.registry import Paper

PAPER = Paper(
    "inception",
    "Inception-v4, Inception-ResNet and the impact of residual connections on learning",
    "arXiv:1602.07261",
    2016,
)

# Figure 4, Inception-A.
A = (
    (Conv(96),),
    (Conv(64), Conv(96, 3)),
    (Conv(64), Conv(96, 3), Conv(96, 3)),
    (AVG, Conv(96)),
)

# Figure 5, Inception-B.
B = (
    (Conv(384),),
    (Conv(192), Conv(224, (1, 7)), Conv(256, (7, 1))),
    (Conv(192), Conv(192, (7, 1)), Conv(224, (1, 7)), Conv(224, (7, 1)), Conv(256, (1, 7))),
    (AVG, Conv(128)),
)

# Figure 6, Inception-C.
FORK = ((Conv(256, (1, 3)),), (Conv(256, (3, 1)),))
C = (
    (Conv(256),),
    (Conv(384), FORK),
    (Conv(384), Conv(448, (3, 1)), Conv(512, (1, 3)), FORK),
    (AVG, Conv(256)),
)

# Figures 3, 7, 8 and 9. In Figure 6 the longer branch has 1x3 before 3x1; the released network has
# 3x1 before 1x3.
V4 = Row(
    stem=(
        Conv(32, 3, 2),
        Conv(32, 3, padded=False),
        Conv(64, 3),
        ((MAX,), (Conv(96, 3, 2),)),  # 73 x 73 x 160
        (
            (Conv(64), Conv(96, 3, padded=False)),
            (Conv(64), Conv(64, (1, 7)), Conv(64, (7, 1)), Conv(96, 3, padded=False)),
        ),  # 71 x 71 x 192
        ((Conv(192, 3, 2),), (MAX,)),
    ),  # 35 x 35 x 384
    a=(A,) * 4,
    reduction_a=((Conv(384, 3, 2),), (Conv(192), Conv(224, 3), Conv(256, 3, 2)), (MAX,)),
    b=(B,) * 7,  # 17 x 17 x 1024
    reduction_b=(
        (Conv(192), Conv(192, 3, 2)),
        (Conv(256), Conv(256, (1, 7)), Conv(320, (7, 1)), Conv(320, 3, 2)),
        (MAX,),
    ),
    c=(C,) * 3,  # 8 x 8 x 1536
    gamma=True,
    momentum=0.9,
)

# Figures 16, 17 and 19.
RESIDUAL_A = ((Conv(32),), (Conv(32), Conv(32, 3)), (Conv(32), Conv(48, 3), Conv(64, 3)))
RESIDUAL_B = ((Conv(192),), (Conv(128), Conv(160, (1, 7)), Conv(192, (7, 1))))
RESIDUAL_C = ((Conv(192),), (Conv(192), Conv(224, (1, 3)), Conv(256, (3, 1))))

MIXED = (
    (Conv(96),),
    (Conv(48), Conv(64, 5)),
    (Conv(64), Conv(96, 3), Conv(96, 3)),
    (AVG, Conv(64)),
)
RESNET_V2 = Row(
    stem=(*V3.stem, MIXED),  # 35 x 35 x 320
    a=(Residual(RESIDUAL_A, 0.17),) * 10,
    reduction_a=((Conv(384, 3, 2),), (Conv(256), Conv(256, 3), Conv(384, 3, 2)), (MAX,)),
    b=(Residual(RESIDUAL_B, 0.1),) * 20,  # 17 x 17 x 1088
    reduction_b=(
        (Conv(256), Conv(384, 3, 2)),
        (Conv(256), Conv(288, 3, 2)),
        (Conv(256), Conv(288, 3), Conv(320, 3, 2)),
        (MAX,),
    ),
    c=(Residual(RESIDUAL_C, 0.2),) * 9,  # 8 x 8 x 2080
    tail=(Residual(RESIDUAL_C, 1.0, relu=False), Conv(1536)),
)

register_network(PAPER, "inception_v4", "InceptionV4", V4, 42_679_816, 12_253_974_624)
register_network(
    PAPER, "inception_resnet_v2", "InceptionResNetV2", RESNET_V2, 55_813_192, 13_155_794_016
)  # fmt: skip
