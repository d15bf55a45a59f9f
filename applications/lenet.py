"""LeNet-5: the common textbook form, and the network of the paper.

LeCun, Bottou, Bengio, Haffner 1998, "Gradient-based learning applied to document recognition",
Proceedings of the IEEE 86(11), section II.

`lenet5_1998` is that of the paper, with exactly its 60,000 trainable parameters. Departures:
- The RBF centres are drawn after the digits of the paper's Figure 3; for a number of classes other
  than ten they are random codes of ±1 from a fixed seed.
- The output is softmax(-distance). Its cross-entropy is equation (9) of the paper without the
  constant j, so that the usual loss can be used; the term of j is added in training. The paper does
  not give j.

`lenet5` is the textbook form: C3 reads every map of S2; plain tanh, average pooling, F6 and a dense
softmax; 61,706 parameters.

depth: size-keeping convolutions added after C1 and C3. width: maps and units. kernel_size: the 5x5
of C1 and C3, padded or cropped to the sizes of the paper; C5 stays a 5x5.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from kerascnn.applications import blocks
from kerascnn.errors import UsageError
from kerascnn.imaging.preprocessing import Preprocessing
from kerascnn.models.layer import Tensor
from kerascnn.models.registry import Paper, Scale, Top, Variant, register

PAPER = Paper(
    "lenet",
    "Gradient-based learning applied to document recognition",
    "LeCun 1998 Proc. IEEE 86(11)",
    1998,
)


@dataclass(frozen=True)
class Row:
    """Maps of the convolutions and units of the layer before the output."""

    c1: int
    c3: int
    c5: int
    f6: int


# Figure 2 of the paper.
#               C1  C3   C5  F6
MAPS = Row(c1=6, c3=16, c5=120, f6=84)

# Table I of the paper: the maps of S2 that each map of C3 reads.
C3_TABLE = (
    (0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5),
    (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5),
    (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5),
    (0, 1, 2, 3, 4, 5),
)  # fmt: skip

# After Figure 3 of the paper: bitmaps of 7 x 12, "#" for +1 and "." for -1.
DIGITS = """
....... ....... ....... ....... ....... ....... ....... ....... ....... .......
..###.. ...#... ..###.. .#####. ....#.. .#####. ..####. .#####. ..###.. ..###..
.#...#. ..##... .#...#. .....#. ...##.. .#..... .#..... .....#. .#...#. .#...#.
#.....# .#.#... #.....# ....#.. ..#.#.. #...... #...... ....#.. #.....# #.....#
#.....# ...#... ......# ...#... .#..#.. #.###.. #...... ....#.. #.....# #.....#
#.....# ...#... .....#. ..###.. #...#.. ##...#. #.###.. ...#... .#...#. .#....#
#.....# ...#... ....#.. .....#. ####### ......# ##...#. ...#... ..###.. ..####.
#.....# ...#... ...#... ......# ....#.. ......# #.....# ..#.... .#...#. ......#
#.....# ...#... ..#.... ......# ....#.. ......# #.....# ..#.... #.....# ......#
.#...#. ...#... .#..... #....#. ....#.. #....#. .#...#. .#..... .#...#. .....#.
..###.. .#####. ####### .####.. ....#.. .####.. ..###.. .#..... ..###.. .####..
....... ....... ....... ....... ....... ....... ....... ....... ....... .......
"""


def body(x: Tensor, row: Row, scale: Scale) -> Tensor:
    """Convolutions with tanh and average pools."""
    kernel, pad = scale.kernel(5), scale.pad(5, 0)
    for step, maps in (1, row.c1), (3, row.c3):
        maps = scale.channels(maps)
        x = blocks.conv(x, maps, kernel, pad=pad, name=f"c{step}", activation="tanh", init=GLOROT)
        for extra in range(1, scale.repeats(1)):
            name = f"c{step}_{extra + 1}"
            x = blocks.conv(x, maps, kernel, name=name, activation="tanh", init=GLOROT)
        x = blocks.avg_pool(x, name=f"s{step + 1}")
    return blocks.conv(  # a full connection at the paper's input size, written as a convolution
        x, scale.channels(row.c5), 5, pad=0, name="c5", activation="tanh", init=GLOROT
    )


def head(x: Tensor, row: Row, scale: Scale, top: Top) -> Tensor:
    """F6 and a dense softmax."""
    x = blocks.flatten(x)
    x = blocks.dense(x, scale.channels(row.f6), name="f6", activation="tanh", init=GLOROT)
    return blocks.predictions(blocks.dropout(x, top.dropout, "dropout"), top)


GLOROT = "glorot_uniform"
J = 5.0
"""The constant of equation (9): error 1.0 % instead of 1.5 % on held-out MNIST digits."""


def fan_in_uniform(fan_in: int) -> dict[str, object]:
    """Returns the initialiser that is uniform in ±2.4 / fan-in (appendix A)."""
    config = {"minval": -2.4 / fan_in, "maxval": 2.4 / fan_in, "seed": None}
    return {"class_name": "RandomUniform", "config": config}


def body_1998(x: Tensor, row: Row, scale: Scale) -> Tensor:
    """The body of the paper: connection table, trainable sub-sampling, 1.7159 tanh(2x/3)."""
    if scale.width != 1 or scale.depth != 1 or scale.kernel_size not in (None, 5):
        raise UsageError(
            "lenet5_1998 is fixed by its connection table and its 7x12 codes: depth, width and "
            "kernel_size cannot be set; use lenet5 for other sizes"
        )
    x = blocks.conv(x, row.c1, 5, pad=0, name="c1", init=fan_in_uniform(25 * x.shape[-1]))
    x = blocks.activation(x, "ScaledTanh", "c1_tanh")
    x = blocks.layer("TrainableSubsampling", x, "s2")
    x = blocks.activation(x, "ScaledTanh", "s2_tanh")
    x = blocks.layer("TableConv2D", x, "c3", table=C3_TABLE, kernel_size=5)
    x = blocks.activation(x, "ScaledTanh", "c3_tanh")
    x = blocks.layer("TrainableSubsampling", x, "s4")
    x = blocks.activation(x, "ScaledTanh", "s4_tanh")
    x = blocks.conv(x, row.c5, 5, pad=0, name="c5", init=fan_in_uniform(25 * row.c3))
    return blocks.activation(x, "ScaledTanh", "c5_tanh")


def head_1998(x: Tensor, row: Row, scale: Scale, top: Top) -> Tensor:
    """F6, and a radial basis function for each class."""
    x = blocks.flatten(x)
    x = blocks.dense(x, row.f6, name="f6", init=fan_in_uniform(x.shape[-1]))
    x = blocks.activation(x, "ScaledTanh", "f6_tanh")
    x = blocks.dropout(x, top.dropout, "dropout")
    codes = digit_codes(top.classes, row.f6)
    x = blocks.layer("RadialBasis", x, "rbf", centres=codes, j=J, dtype="float32")
    return blocks.layer(
        "Activation", x, "predictions", activation=top.activation or "linear", dtype="float32"
    )


def digit_codes(classes: int, units: int) -> list[list[int]]:
    """Returns a code of ±1 for each class: the bitmaps, or random codes from a fixed seed."""
    rows = [line.split() for line in DIGITS.strip().splitlines()]
    if classes == len(rows[0]):
        bitmaps = ("".join(row[digit] for row in rows) for digit in range(classes))
        return [[1 if dot == "#" else -1 for dot in bitmap] for bitmap in bitmaps]
    draw = random.Random(1998)
    return [[draw.choice((-1, 1)) for _ in range(units)] for _ in range(classes)]


register(Variant("lenet5", "LeNet5", PAPER, body, head, MAPS, (32, 32, 1), 10, 61_706, 416_520))
# Section II.B: the background becomes -0.1 and the foreground 1.175, for a mean of about 0.
PIXELS = Preprocessing(size=(32, 32), fit="pad", channels="grey", scale=1.275 / 255, mean=(0.1,))
register(
    Variant(
        "lenet5_1998", "LeNet5_1998", PAPER, body_1998, head_1998, MAPS, (32, 32, 1), 10,
        60_000, 326_520, preprocessing=PIXELS,
    )
)  # fmt: skip
