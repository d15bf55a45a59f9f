"""AlexNet: the two-tower network of 2012, the single tower of CS231n, and torchvision's network.

Krizhevsky, Sutskever, Hinton 2012, "ImageNet classification with deep convolutional neural
networks", NIPS 25; the tower of `alexnet_owt`: Krizhevsky 2014, arXiv:1404.5997.

`alexnet` is Figure 2: conv2, conv4 and conv5 read only the maps of their own GPU, so they are
convolutions in two groups. Error in the paper: an input of 224 does not give the 55 of conv1; 227
does. Departures: response normalisation runs over all maps, as in Caffe; the paper does not say
whether it stops at the border between the GPUs. Weights start from He's distribution: that of the
paper (`stddev=0.01`) is for pixels up to 255 and does not learn with images in [0, 1].
`alexnet_single` is the simplified table of Stanford's CS231n: one tower, and normalisation after
the pool.
`alexnet_owt` is torchvision's network: 64 and 192 maps, padding of 2 in conv1, no normalisation.
Departures from torchvision: no adaptive pooling to 6x6, so that fc6 depends on the input size; and
dropout follows fc6 and fc7 as in the paper of 2012 instead of preceding them.

depth: convolutions in each of the three stages between the pools; copies are size-keeping, those
of conv1 3x3. width: maps and units. kernel_size: the 5x5 and 3x3 of conv2 to conv5. stem="small":
conv1 is 3x3 of stride 1, and there is no pool1.
"""

from __future__ import annotations

from dataclasses import dataclass

from kerascnn.applications import blocks
from kerascnn.models.layer import Tensor
from kerascnn.models.registry import Paper, Scale, Top, Variant, register

TITLE = "ImageNet classification with deep convolutional neural networks"
PAPER = Paper("alexnet", TITLE, "Krizhevsky 2012 NIPS", 2012)
OWT = "One weird trick for parallelizing convolutional neural networks"
PAPER_OWT = Paper("alexnet", OWT, "arXiv:1404.5997", 2014)


@dataclass(frozen=True)
class Row:
    """Columns of the table.

    Args:
        filters: maps of conv1 to conv5.
        groups: groups of each convolution.
        pad: zeros around the image.
        lrn: response normalisation "before" or "after" pool1 and pool2, or None.
        stddev: of the normal distribution of the initial weights, 0.01 in the paper, which also
            starts the biases of conv2, conv4, conv5, fc6 and fc7 at 1. None for He's distribution
            and biases of 0.
    """

    filters: tuple[int, int, int, int, int]
    groups: tuple[int, int, int, int, int] = (1, 1, 1, 1, 1)
    pad: int = 0
    lrn: str | None = None
    stddev: float | None = None


# Figure 2 of the paper (both towers added), CS231n's table, torchvision. The filters are 11x11 of
# stride 4, 5x5 and three times 3x3; 3x3 max pools of stride 2 follow conv1, conv2 and conv5.
#                            conv1 conv2 conv3 conv4 conv5
TABLE = {
    "alexnet": Row(filters=(96, 256, 384, 384, 256), groups=(1, 2, 1, 2, 2), lrn="before"),
    "alexnet_single": Row(filters=(96, 256, 384, 384, 256), lrn="after"),
    "alexnet_owt": Row(filters=(64, 192, 384, 256, 256), pad=2),
}

STAGES = ((1,), (2,), (3, 4, 5))
ONES = (2, 4, 5)
"""The convolutions whose biases start at one (section 5)."""


def conv(x: Tensor, number: int, copy: int, row: Row, scale: Scale) -> Tensor:
    """conv1 to conv5, or a size-keeping copy of it."""
    kernel, stride, pad = scale.kernel(5 if number == 2 else 3), 1, None
    if number == 1 and copy == 1:
        kernel, stride, pad = (3, 1, None) if scale.stem == "small" else (11, 4, row.pad)
    return blocks.conv(
        x,
        scale.channels(row.filters[number - 1], max(row.groups)),
        kernel,
        stride,
        name=f"conv{number}" if copy == 1 else f"conv{number}_{copy}",
        pad=pad,
        groups=row.groups[number - 1],
        activation="relu",
        init=blocks.normal(row.stddev) if row.stddev else blocks.HE,
        bias_init="ones" if row.stddev and number in ONES else "zeros",
    )


def body(x: Tensor, row: Row, scale: Scale) -> Tensor:
    """227 -> conv1 55 -> 27 -> conv2 27 -> 13 -> conv3, conv4, conv5 13 -> 6."""
    for stage in STAGES:
        for number, copy in scale.stretch(stage):
            x = conv(x, number, copy, row, scale)
        last = stage[-1]
        if row.lrn == "before" and last < 5:
            x = blocks.lrn(x, f"norm{last}")
        if last > 1 or scale.stem == "paper":
            x = blocks.max_pool(x, 3, 2, name=f"pool{last}")
        if row.lrn == "after" and last < 5:
            x = blocks.lrn(x, f"norm{last}")
    return x


def head(x: Tensor, row: Row, scale: Scale, top: Top) -> Tensor:
    """fc6, fc7, softmax."""
    if row.stddev is None:
        return blocks.fc_classifier(x, scale, top)
    init = blocks.normal(row.stddev)
    return blocks.fc_classifier(x, scale, top, init=init, bias_init="ones", last_init=init)


for name, builder, paper, size, params, macs in (
    ("alexnet", "AlexNet", PAPER, 227, 60_965_224, 724_406_816),
    ("alexnet_single", "AlexNetSingle", PAPER, 227, 62_378_344, 1_135_256_096),
    ("alexnet_owt", "AlexNetOWT", PAPER_OWT, 224, 61_100_840, 714_188_480),
):
    shape = (size, size, 3)
    register(
        Variant(
            name, builder, paper, body, head, TABLE[name], shape, 1000, params, macs,
            small_stem=True,
        )
    )  # fmt: skip
