"""MobileNetV3: inverted residuals with squeeze-and-excitation and hard swish, found by search.

Howard, Sandler, Chu, Chen, Chen, Tan, Wang, Zhu, Pang, Vasudevan, Le, Adam 2019, "Searching for
MobileNetV3", arXiv:1905.02244.

Departures: symmetric padding, as in torchvision (padding="same" is that of the authors and of
keras.applications). The squeeze-and-excitation has a quarter of the expanded channels (section
5.3) rounded to a multiple of 8. The layer of 1280 or 1024 units after the pool has a bias (the
tables' "NBN": no batch norm) and belongs to the head.

Errors: Table 2 marks SE for the last 1x1 convolution of the small network; neither the authors'
code nor any published weights have it.

depth: lines with equal output channels form a stage, see `Scale.stretch`. width: all channels, to
multiples of 8 as `round_channels` does; expansions keep their ratio to the input of a block, and
the hidden layer is not reduced, as in the authors' code and Table 3 but not in torchvision.
kernel_size: all depthwise filters, 3x3 and 5x5. stem="small": the first convolution has
stride 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from kerascnn.applications import blocks
from kerascnn.applications.blocks import Norm
from kerascnn.applications.blocks.mobile_blocks import (
    conv_padding,
    inverted_residual,
    round_channels,
    scale_channels,
)
from kerascnn.models.layer import Tensor
from kerascnn.models.registry import Paper, Scale, Top, Variant, register

PAPER = Paper("mobilenet", "Searching for MobileNetV3", "arXiv:1905.02244", 2019)
NORM = Norm(1e-3, 0.99)
FIRST = 16
ACTIVATIONS = {"RE": "relu", "HS": "hard_swish"}

Line = tuple[int, int, int, bool, str, int]


@dataclass(frozen=True)
class Row:
    """Table 1 or 2 of the paper.

    Args:
        lines: depthwise kernel, expanded channels, output channels, SE, NL ("RE" or "HS"), stride.
        hidden: units between pool and classifier.
        dropout: rate before the classifier.
        padding: "symmetric", or "same" for TensorFlow's.
    """

    lines: tuple[Line, ...]
    hidden: int
    dropout: float = 0.2
    padding: str = "symmetric"


# Table 1 of the paper.
#    k  exp  out  SE     NL    s
LARGE = (
    (3, 16, 16, False, "RE", 1),
    (3, 64, 24, False, "RE", 2),
    (3, 72, 24, False, "RE", 1),
    (5, 72, 40, True, "RE", 2),
    (5, 120, 40, True, "RE", 1),
    (5, 120, 40, True, "RE", 1),
    (3, 240, 80, False, "HS", 2),
    (3, 200, 80, False, "HS", 1),
    (3, 184, 80, False, "HS", 1),
    (3, 184, 80, False, "HS", 1),
    (3, 480, 112, True, "HS", 1),
    (3, 672, 112, True, "HS", 1),
    (5, 672, 160, True, "HS", 2),
    (5, 960, 160, True, "HS", 1),
    (5, 960, 160, True, "HS", 1),
)
# Table 2 of the paper.
SMALL = (
    (3, 16, 16, True, "RE", 2),
    (3, 72, 24, False, "RE", 2),
    (3, 88, 24, False, "RE", 1),
    (5, 96, 40, True, "HS", 2),
    (5, 240, 40, True, "HS", 1),
    (5, 240, 40, True, "HS", 1),
    (5, 120, 48, True, "HS", 1),
    (5, 144, 48, True, "HS", 1),
    (5, 288, 96, True, "HS", 2),
    (5, 576, 96, True, "HS", 1),
    (5, 576, 96, True, "HS", 1),
)


def body(x: Tensor, row: Row, scale: Scale) -> Tensor:
    """A convolution, the table's blocks, a 1x1 convolution of 6 times the channels."""
    pad, stride = conv_padding(row.padding), 1 if scale.stem == "small" else 2
    first = scale_channels(FIRST, scale)
    x = blocks.conv_norm(x, first, 3, stride, name="conv1", norm=NORM, act="hard_swish", pad=pad)
    incoming = (FIRST, *(line[2] for line in row.lines[:-1]))
    lines = zip(incoming, row.lines, strict=True)
    for number, (_, group) in enumerate(groupby(lines, key=lambda pair: pair[1][2]), 2):
        stage = tuple(group)
        stride = stage[0][1][-1]
        for block, ((before, line), _) in enumerate(scale.stretch(stage), 1):
            kernel, expanded, out, squeeze, nl, _ = line
            expanded = round_channels(x.shape[-1] * expanded / before)
            x = inverted_residual(
                x,
                scale_channels(out, scale),
                expanded,
                scale.kernel(kernel),
                stride if block == 1 else 1,
                name=f"bneck{number}_{block}",
                norm=NORM,
                act=ACTIVATIONS[nl],
                squeezed=round_channels(expanded // 4) if squeeze else 0,
                gate=("relu", "HardSigmoid"),
                pad=pad,
            )
    return blocks.conv_norm(x, 6 * x.shape[-1], 1, name="conv_last", norm=NORM, act="hard_swish")


def head(x: Tensor, row: Row, scale: Scale, top: Top) -> Tensor:
    """Pool, a hidden layer with hard swish, dropout, classifier."""
    x = blocks.global_avg_pool(x, "avg_pool")
    x = blocks.dense(x, max(row.hidden, scale_channels(row.hidden, scale)), name="hidden")
    x = blocks.activation(x, "hard_swish", "hidden_act")
    x = blocks.dropout(x, top.rate(row.dropout), "dropout")
    return blocks.predictions(x, top)


#    name                  builder             lines  hidden parameters MACs
for name, builder, row, params, macs in (
    ("mobilenet_v3_large", "MobileNetV3Large", Row(LARGE, 1280), 5_483_032, 216_589_760),
    ("mobilenet_v3_small", "MobileNetV3Small", Row(SMALL, 1024), 2_542_856, 56_510_400),
):
    register(
        Variant(
            name,
            builder,
            PAPER,
            body,
            head,
            row,
            (224, 224, 3),
            1000,
            params,
            macs,
            small_stem=True,
        )
    )
