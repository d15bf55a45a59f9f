"""Inception v3.

Szegedy, Vanhoucke, Ioffe, Shlens, Wojna 2015, "Rethinking the Inception architecture for computer
vision", arXiv:1512.00567.

This is the released network, as in keras.applications: the paper's Table 1 has another stem (3x3s
of 80, 192 with stride 2, and 288 channels) and its Figure 5 a 3x3 where the 35 x 35 modules have a
5x5. Its batch norms have no gamma. torchvision's network is gamma=True, border_counts=True (the
average pools count zeros beyond the border). auxiliary=True adds the classifier on the last 17 x 17
map (Figure 8). depth, width, kernel_size and stem: see `blocks/inception.py`.
"""

from __future__ import annotations

from kerascnn.applications.blocks.inception import register_network
from kerascnn.applications.blocks.inception_modules import AVG, MAX, Conv, Row, Steps
from kerascnn.models.registry import Paper

PAPER = Paper(
    "inception",
    "Rethinking the Inception architecture for computer vision",
    "arXiv:1512.00567",
    2015,
)


def a(pool: int) -> Steps:
    """Figure 5, with `pool` channels after the pool."""
    double = (Conv(64), Conv(96, 3), Conv(96, 3))
    return (Conv(64),), (Conv(48), Conv(64, 5)), double, (AVG, Conv(pool))


def b(c: int) -> Steps:
    """Figure 6 with n = 7 and `c` channels inside."""
    once = (Conv(c), Conv(c, (1, 7)), Conv(192, (7, 1)))
    twice = (Conv(c), Conv(c, (7, 1)), Conv(c, (1, 7)), Conv(c, (7, 1)), Conv(192, (1, 7)))
    return (Conv(192),), once, twice, (AVG, Conv(192))


# Figure 7.
FORK = ((Conv(384, (1, 3)),), (Conv(384, (3, 1)),))
C = ((Conv(320),), (Conv(384), FORK), (Conv(448), Conv(384, 3), FORK), (AVG, Conv(192)))

# Table 1.
V3 = Row(
    stem=(
        Conv(32, 3, 2),
        Conv(32, 3, padded=False),
        Conv(64, 3),
        MAX,
        Conv(80),
        Conv(192, 3, padded=False),
        MAX,
    ),  # 35 x 35 x 192
    a=(a(32), a(64), a(64)),  # 35 x 35 x 288
    reduction_a=((Conv(384, 3, 2),), (Conv(64), Conv(96, 3), Conv(96, 3, 2)), (MAX,)),
    b=(b(128), b(160), b(160), b(192)),  # 17 x 17 x 768
    reduction_b=(
        (Conv(192), Conv(320, 3, 2)),
        (Conv(192), Conv(192, (1, 7)), Conv(192, (7, 1)), Conv(192, 3, 2)),
        (MAX,),
    ),  # 8 x 8 x 1280
    c=(C, C),  # 8 x 8 x 2048
)

register_network(PAPER, "inception_v3", "InceptionV3", V3, 23_817_352, 5_713_216_096)
