"""The policy network of AlphaGo: the probability of a move on each point of the board.

Silver et al. 2016, "Mastering the game of Go with deep neural networks and tree search", Nature
529, Methods, "Neural network architecture"; the 48 planes of the input: Extended Data Table 2.

The first layer pads 19x19 to 23x23 for 5x5 filters, layers 2 to 12 pad to 21x21 for 3x3, all with
ReLUs; the last is 1x1 to one map with a bias for each point, and a softmax over the board. The
match version has 192 filters; the paper compares 128, 192, 256 and 384: `filters`, or `width`. It
does not give the initial weights; here they are He's.

`classes` follows the board: 361 for 19x19, 81 for input_shape=(9, 9, 48).

depth: the eleven 3x3 layers. width: filters. kernel_size: the 3x3.
"""

from __future__ import annotations

from dataclasses import dataclass

from kerascnn.applications import blocks
from kerascnn.errors import UsageError
from kerascnn.imaging.preprocessing import Preprocessing
from kerascnn.models.layer import Tensor
from kerascnn.models.registry import Paper, Scale, Top, Variant, register

PAPER = Paper(
    "alphago",
    "Mastering the game of Go with deep neural networks and tree search",
    "Silver 2016 Nature 529",
    2016,
)
POINTS = 361


@dataclass(frozen=True)
class Row:
    """k of the paper: 192 in the matches; 128, 256 and 384 in Extended Data Table 3."""

    filters: int = 192


def body(x: Tensor, row: Row, scale: Scale) -> Tensor:
    """Twelve convolutions that keep the board's size."""
    filters = scale.channels(row.filters)
    x = blocks.conv(x, filters, 5, name="conv1", activation="relu")
    for layer in range(2, 2 + scale.repeats(11)):
        x = blocks.conv(x, filters, scale.kernel(3), name=f"conv{layer}", activation="relu")
    return x


def head(x: Tensor, row: Row, scale: Scale, top: Top) -> Tensor:
    """One score for each point, and a softmax over them."""
    x = blocks.dropout(x, top.dropout, "dropout")
    name = f"conv{2 + scale.repeats(11)}"
    x = blocks.conv(x, 1, 1, name=name, bias=False, dtype="float32")
    x = blocks.layer("PositionBias", x, "position_bias", dtype="float32")
    x = blocks.flatten(x)
    if top.classes not in (x.shape[-1], POINTS):
        raise UsageError(
            f"classes must be the number of points of the board, {x.shape[-1]}, got {top.classes}; "
            "leave classes out"
        )
    return blocks.layer(
        "Activation", x, "predictions", activation=top.activation or "linear", dtype="float32"
    )


register(
    Variant(
        "alphago_policy", "AlphaGoPolicy", PAPER, body, head, Row(), (19, 19, 48), POINTS,
        3_882_793, 1_400_726_208,
        # The planes hold 0 and 1 already.
        preprocessing=Preprocessing(size=(19, 19), fit="none", channels="any", scale=1.0),
    )
)  # fmt: skip
