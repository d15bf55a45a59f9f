"""ZFNet: AlexNet with smaller filters and strides in its first layers.

Zeiler, Fergus 2013, "Visualizing and understanding convolutional networks", arXiv:1311.2901,
Figure 3: one tower, 7x7 of stride 2 in conv1, stride 2 in conv2.

The sizes of the figure, 110, 55, 26 and 13, need a padding of 1 in conv1 and pools that round up.
"Contrast normalised across feature maps" is AlexNet's response normalisation after the pools, with
its constants; the paper gives none. Departure: weights start from He's distribution. The paper's
10^-2, as the deviation of a normal distribution, is `stddev=0.01`; it is for pixels up to 255 and
does not learn with images in [0, 1].

depth: convolutions in each of the three stages between the pools; copies are size-keeping, those
of conv1 3x3. width: maps and units. kernel_size: the 5x5 and 3x3 of conv2 to conv5. stem="small":
conv1 is 3x3 of stride 1, and there is no pool1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kerascnn.applications import blocks
from kerascnn.models.layer import Tensor
from kerascnn.models.registry import Paper, Scale, Top, Variant, register

PAPER = Paper(
    "zfnet",
    "Visualizing and understanding convolutional networks",
    "arXiv:1311.2901",
    2013,
)


@dataclass(frozen=True)
class Row:
    """Columns of the figure.

    Args:
        filters: maps of conv1 to conv5.
        stddev: of the normal distribution of the initial weights; None for He's distribution.
    """

    filters: tuple[int, int, int, int, int]
    stddev: float | None = None


# Figure 3 of the paper.
#               conv1 conv2 conv3 conv4 conv5
FIGURE_3 = Row((96, 256, 384, 384, 256))

STAGES = ((1,), (2,), (3, 4, 5))


def start(row: Row) -> Any:
    """Returns the initialiser of every kernel."""
    return blocks.normal(row.stddev) if row.stddev else blocks.HE


def conv(x: Tensor, number: int, copy: int, row: Row, scale: Scale) -> Tensor:
    """conv1 to conv5, or a size-keeping copy of it."""
    kernel, stride, pad = scale.kernel(3), 1, None
    if number == 1 and copy == 1:
        kernel, stride, pad = (3, 1, None) if scale.stem == "small" else (7, 2, 1)
    elif number == 2:
        kernel = scale.kernel(5)
        stride, pad = (2, scale.pad(5, 0)) if copy == 1 else (1, None)
    name = f"conv{number}" if copy == 1 else f"conv{number}_{copy}"
    filters = scale.channels(row.filters[number - 1])
    return blocks.conv(
        x, filters, kernel, stride, name=name, pad=pad, activation="relu", init=start(row)
    )


def body(x: Tensor, row: Row, scale: Scale) -> Tensor:
    """224 -> conv1 110 -> 55 -> conv2 26 -> 13 -> conv3, conv4, conv5 13 -> 6."""
    for stage in STAGES:
        for number, copy in scale.stretch(stage):
            x = conv(x, number, copy, row, scale)
        last = stage[-1]
        if last > 1 or scale.stem == "paper":
            x = blocks.max_pool(x, 3, 2, name=f"pool{last}", ceil=True)
        if last < 5:
            x = blocks.lrn(x, f"norm{last}")
    return x


def head(x: Tensor, row: Row, scale: Scale, top: Top) -> Tensor:
    """fc6, fc7, softmax."""
    return blocks.fc_classifier(x, scale, top, init=start(row), last_init=start(row))


register(
    Variant(
        "zfnet", "ZFNet", PAPER, body, head, FIGURE_3, (224, 224, 3), 1000,
        62_357_608, 1_168_032_896, small_stem=True,
    )
)  # fmt: skip
