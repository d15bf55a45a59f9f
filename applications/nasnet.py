"""NASNet-A: a stack of two kinds of cells found by search.

Zoph, Vasudevan, Shlens, Le 2017, "Learning transferable architectures for scalable image
recognition", arXiv:1707.07012. The paper names a network N @ penultimate filters: N normal cells in
each stage, and the input channels of the classifier.

These are the networks of keras.applications: the pools of a reduction cell read a border of zeros,
which count in the average and can be the maximum (border_maximum=False: cannot, as in timm); the
reduction cell concatenates its second sum although the fourth sum has used it; scheduled drop path
is left out. auxiliary=True adds the classifier of the paper's appendix at two thirds of the depth,
as in the authors' code.

depth: normal cells of each stage. width: every channel count, that of a cell in steps of 4.
kernel_size: every separable convolution. stem="small": the paper's network for CIFAR-10
(Figure 2), with a 3x3 of stride 1 and no reduction cells after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kerascnn.applications import blocks
from kerascnn.applications.blocks.nasnet_cells import NORM, NORMAL, REDUCTION, State, cell
from kerascnn.imaging.preprocessing import HALF, crop
from kerascnn.models.costs import FixedSizeError
from kerascnn.models.layer import Tensor
from kerascnn.models.registry import Paper, Scale, Top, Variant, register

PAPER = Paper(
    "nasnet",
    "Learning transferable architectures for scalable image recognition",
    "arXiv:1707.07012",
    2017,
)


@dataclass(frozen=True)
class Row:
    """Columns of the table.

    Args:
        normal_cells: N, the normal cells of each stage.
        penultimate: input channels of the classifier.
        stem: channels of the stem.
        skip_reduction: the cell after a reduction cell takes as "prev" the "prev" of the reduction
            cell, not its "now".
        border_maximum: the zeros around a map can be the maximum in a pool of a reduction cell.
        auxiliary: a second classifier at two thirds of the depth, in the training model.
    """

    normal_cells: int
    penultimate: int
    stem: int
    skip_reduction: bool
    border_maximum: bool = True
    auxiliary: bool = False


# Table 2 of the paper: N @ penultimate filters.
MOBILE = Row(4, 1056, stem=32, skip_reduction=False)
LARGE = Row(6, 4032, stem=96, skip_reduction=True)


def body(x: Tensor, row: Row, scale: Scale) -> Any:
    """Stem, and three stages of normal cells with a reduction cell between them."""
    filters = scale.channels(row.penultimate // 24, 4)
    small = scale.stem == "small"
    x = blocks.conv_norm(
        x, 3 * filters if small else scale.channels(row.stem), 3, 1 if small else 2, name="stem",
        norm=NORM, act=None, pad=1 if small else 0,
    )  # fmt: skip
    now, prev = State(x, 0), None
    reduction = REDUCTION._replace(border_maximum=row.border_maximum)
    if small:
        prev = now
    else:
        for number, share in (1, 4), (2, 2):
            output = cell(reduction, now, prev, filters // share, f"stem{number}", scale)
            now, prev = output, now
    taps = {}
    for stage in (1, 2, 3):
        if stage > 1:
            filters *= 2
            output = cell(reduction, now, prev, filters, f"reduction{stage - 1}", scale)
            now, prev = output, prev if row.skip_reduction else now
        for number in range(1, scale.repeats(row.normal_cells) + 1):
            output = cell(NORMAL, now, prev, filters, f"stage{stage}_cell{number}", scale)
            now, prev = output, now
        if stage == 2 and row.auxiliary:
            taps["aux1"] = now.x
    x = blocks.activation(now.x, "relu", "final_act")
    return (x, taps) if taps else x


def head(x: Tensor, row: Row, scale: Scale, top: Top) -> Tensor:
    """Global average, dropout, one dense layer."""
    x = blocks.global_avg_pool(x, "avg_pool")
    return blocks.predictions(blocks.dropout(x, top.rate(0.5), "dropout"), top)


def auxiliary(taps: dict[str, Tensor], row: Row, scale: Scale, top: Top) -> dict[str, Tensor]:
    """5x5 average, 1x1, a convolution over the whole map, a dense layer."""
    x = blocks.activation(taps["aux1"], "relu", "aux1_act")
    x = blocks.avg_pool(x, 5, 3, name="aux1_pool")
    x = blocks.conv_norm(x, scale.channels(128), 1, name="aux1_conv1", norm=NORM)
    if None in x.shape[1:3]:
        raise FixedSizeError("the auxiliary classifier of NASNet needs a fixed height and width")
    x = blocks.conv_norm(x, scale.channels(768), x.shape[1:3], name="aux1_conv2", norm=NORM, pad=0)
    x = blocks.flatten(x, "aux1_flatten")
    x = blocks.dense(
        x, top.classes, name="aux1", activation=top.activation, init="glorot_uniform",
        dtype="float32",
    )  # fmt: skip
    return {"aux1": x}


for name, builder, row, size, params, macs in (
    ("nasnet_mobile", "NASNetMobile", MOBILE, 224, 5_289_978, 563_638_816),
    ("nasnet_large", "NASNetLarge", LARGE, 331, 88_753_150, 23_783_414_658),
):
    pixels = crop(size, interpolation="bicubic", mean=HALF, std=HALF)
    register(
        Variant(
            name, builder, PAPER, body, head, row, (size, size, 3), 1000, params, macs,
            auxiliary=auxiliary, small_stem=True, preprocessing=pixels,
        )
    )  # fmt: skip
