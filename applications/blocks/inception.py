"""The body and head of Inception v3, v4 and Inception-ResNet.

A network has stages of modules. A module has parallel branches whose outputs are concatenated. A
branch is a sequence of steps: convolutions with batch norm and ReLU, pools, or modules.

depth: modules of stages A, B and C. width: every channel count. kernel_size: the 3x3, and the 3 of
1x3 and 3x1; the 5x5, 1x7 and 7x1 stay. stem="small": the stem's layers at stride 1, without its
pools.
"""

from __future__ import annotations

from typing import Any

from kerascnn.applications import blocks
from kerascnn.applications.blocks.inception_modules import (
    Conv,
    Row,
    add_step,
    add_steps,
    conv,
    with_stride_1,
)
from kerascnn.imaging.preprocessing import HALF, crop
from kerascnn.models.layer import Tensor
from kerascnn.models.registry import Paper, Scale, Top, Variant, register


def body(x: Tensor, row: Row, scale: Scale) -> Any:
    """Stem, and the three stages of modules with a reduction between them."""
    stem = with_stride_1(row.stem) if scale.stem == "small" else row.stem
    x = add_steps(x, stem, "stem", row, scale)
    taps = {}
    for stage, modules, reduction in (
        ("a", row.a, row.reduction_a),
        ("b", row.b, row.reduction_b),
        ("c", row.c, None),
    ):
        for number, (module, _) in enumerate(scale.stretch(modules), 1):
            x = add_step(x, module, f"{stage}{number}", row, scale)
        if stage == "b" and row.auxiliary:
            taps["aux1"] = x
        if reduction is not None:
            x = add_step(x, reduction, f"reduction_{stage}", row, scale)
    x = add_steps(x, row.tail, "tail", row, scale)
    return (x, taps) if taps else x


def head(x: Tensor, row: Row, scale: Scale, top: Top) -> Tensor:
    """Global average, dropout of 0.2 (Figures 9 and 15 of the paper of v4), a dense layer."""
    x = blocks.global_avg_pool(x, "avg_pool")
    return blocks.predictions(blocks.dropout(x, top.rate(0.2), "dropout"), top)


def auxiliary(taps: dict[str, Tensor], row: Row, scale: Scale, top: Top) -> dict[str, Tensor]:
    """Figure 8 of the paper of v3: 5x5 average, 1x1, a 5x5 convolution, a dense layer."""
    x = blocks.avg_pool(taps["aux1"], 5, 3, name="aux1_pool")
    x = conv(x, Conv(128), "aux1_conv1", row, scale)
    x = conv(x, Conv(768, 5, padded=False), "aux1_conv2", row, scale)
    x = blocks.global_avg_pool(x, "aux1_avg_pool")
    x = blocks.dense(
        x, top.classes, name="aux1", activation=top.activation, init="glorot_uniform",
        dtype="float32",
    )  # fmt: skip
    return {"aux1": x}


def register_network(
    paper: Paper, name: str, builder: str, row: Row, params: int, macs: int
) -> None:
    """Registers a row; its preprocessing gives pixels in [-1, 1] of the centre 87.5 %."""
    pixels = crop(299, interpolation="bicubic", mean=HALF, std=HALF)
    register(
        Variant(
            name, builder, paper, body, head, row, (299, 299, 3), 1000, params, macs,
            auxiliary=auxiliary, small_stem=True, preprocessing=pixels,
        )
    )  # fmt: skip
