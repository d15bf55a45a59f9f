"""GoogLeNet: nine inception modules of parallel 1x1, 3x3, 5x5 convolutions and a pool.

Szegedy et al. 2014, "Going deeper with convolutions", arXiv:1409.4842, Table 1 and Figures 2 and 3.

Errors in Table 1, whose other sizes and ops agree with its channels: conv1 has 9.4K weights and
118M ops, not 2.7K and 34M; 5a has 1,018K and 51M, not 1,072K and 54M; 4c has 498K, not 463K.
Departure: response normalisation has the constants of AlexNet and weights He's initialiser; the
paper gives neither. Pools round up, as the sizes of the table need.

`googlenet_bn` is torchvision's: batch norm, no response normalisation, 3x3 where the paper has 5x5,
a 2x2 pool4, dropout of 0.2. Its auxiliary heads here have the paper's 5x5 average pool of stride 3;
torchvision's pool adaptively to the same 4x4.

Stanford's CS231n counts 854M ops for the naive module on 28x28x256 and "358M" with bottlenecks; the
terms of its own slide add up to 271M, and to 358M only with the 3x3 counted twice.

depth: modules of each stage. width: every channel count. kernel_size: the 5x5 of the modules.
stem="small": conv1 is 3x3 of stride 1, and there is no pool1.
"""

from __future__ import annotations

from dataclasses import dataclass

from kerascnn.applications import blocks
from kerascnn.applications.blocks import Norm
from kerascnn.errors import UsageError
from kerascnn.models.layer import Tensor
from kerascnn.models.registry import Paper, Scale, Top, Variant, register

PAPER = Paper("googlenet", "Going deeper with convolutions", "arXiv:1409.4842", 2014)


@dataclass(frozen=True)
class Row:
    """Columns of the table.

    Args:
        large: size of the modules' largest filters.
        batch_norm: batch norm before every ReLU, in place of response normalisation.
        pool4: size of the last max pool.
        paper_dropout: dropout rate before the classifier, unless `dropout` is set.
        module: "inception", or "naive" for Figure 2(a): no 1x1 reductions, no projection.
        auxiliary: adds the two heads for training (weight 0.3 in the loss of the paper).
    """

    large: int = 5
    batch_norm: bool = False
    pool4: int = 3
    paper_dropout: float = 0.4
    module: str = "inception"
    auxiliary: bool = False


Columns = tuple[int, int, int, int, int, int]

# Table 1 of the paper, and the first three rows of it in `body`.
MODULES: tuple[tuple[str, Columns], ...] = (
    # #1x1 reduce #3x3 reduce #5x5 pool proj
    ("3a", (64, 96, 128, 16, 32, 32)),
    ("3b", (128, 128, 192, 32, 96, 64)),
    ("4a", (192, 96, 208, 16, 48, 64)),
    ("4b", (160, 112, 224, 24, 64, 64)),
    ("4c", (128, 128, 256, 24, 64, 64)),
    ("4d", (112, 144, 288, 32, 64, 64)),
    ("4e", (256, 160, 320, 32, 128, 128)),
    ("5a", (256, 160, 320, 32, 128, 128)),
    ("5b", (384, 192, 384, 48, 128, 128)),
)


def unit(
    x: Tensor, filters: int, kernel: int, name: str, row: Row, scale: Scale, stride: int = 1
) -> Tensor:
    """Convolution and ReLU, with batch norm between them if the row has it."""
    filters = scale.channels(filters)
    if row.batch_norm:
        return blocks.conv_norm(x, filters, kernel, stride, name=name, norm=Norm(epsilon=1e-3))
    return blocks.conv(x, filters, kernel, stride, name=name, activation="relu")


def module(x: Tensor, columns: Columns, name: str, row: Row, scale: Scale) -> Tensor:
    """An inception module: Figure 2(b), or the naive one of Figure 2(a)."""
    if row.module not in ("inception", "naive"):
        raise UsageError(f"module must be 'inception' or 'naive', got {row.module!r}")
    c1, reduce3, c3, reduce5, c5, project = columns
    at3 = at5 = x
    pooled = blocks.max_pool(x, 3, 1, pad=1, name=f"{name}_pool")
    if row.module == "inception":
        at3 = unit(x, reduce3, 1, f"{name}_3x3_reduce", row, scale)
        at5 = unit(x, reduce5, 1, f"{name}_5x5_reduce", row, scale)
        pooled = unit(pooled, project, 1, f"{name}_pool_proj", row, scale)
    at1 = unit(x, c1, 1, f"{name}_1x1", row, scale)
    at3 = unit(at3, c3, 3, f"{name}_3x3", row, scale)
    at5 = unit(at5, c5, scale.kernel(row.large), f"{name}_5x5", row, scale)
    return blocks.concat([at1, at3, at5, pooled], name)


def body(x: Tensor, row: Row, scale: Scale) -> tuple[Tensor, dict[str, Tensor]]:
    """224 -> conv1 112 -> 56 -> conv2 56 -> 28 -> 3a, 3b -> 14 -> 4a to 4e -> 7 -> 5a, 5b."""
    small = scale.stem == "small"
    kernel, stride = (3, 1) if small else (7, 2)
    x = unit(x, 64, kernel, "conv1", row, scale, stride)
    x = x if small else blocks.max_pool(x, 3, 2, name="pool1", ceil=True)
    x = x if row.batch_norm else blocks.lrn(x, "norm1")
    x = unit(x, 64, 1, "conv2_reduce", row, scale)
    x = unit(x, 192, 3, "conv2", row, scale)
    x = x if row.batch_norm else blocks.lrn(x, "norm2")
    taps: dict[str, Tensor] = {}
    for stage, size in ("3", 3), ("4", 3), ("5", row.pool4):
        x = blocks.max_pool(x, size, 2, name=f"pool{int(stage) - 1}", ceil=True)
        steps = scale.stretch([entry for entry in MODULES if entry[0][0] == stage])
        for step, ((label, columns), copy) in enumerate(steps):
            name = f"inception_{label}" + ("" if copy == 1 else f"_{copy}")
            x = module(x, columns, name, row, scale)
            if row.auxiliary and stage == "4" and step == 0:
                taps["aux1"] = x  # 4a
            if row.auxiliary and stage == "4" and step == (len(steps) - 1) * 3 // 4:
                taps["aux2"] = x  # 4d
    return x, taps


def head(x: Tensor, row: Row, scale: Scale, top: Top) -> Tensor:
    """Average pool, dropout, softmax."""
    x = blocks.global_avg_pool(x, "avg_pool")
    x = blocks.dropout(x, top.rate(row.paper_dropout), "dropout")
    return blocks.predictions(x, top)


def auxiliary(taps: dict[str, Tensor], row: Row, scale: Scale, top: Top) -> dict[str, Tensor]:
    """The two classifiers of section 5, for training only."""
    outputs = {}
    for name, x in taps.items():
        x = blocks.avg_pool(x, 5, 3, name=f"{name}_pool", pad=0)
        x = unit(x, 128, 1, f"{name}_conv", row, scale)
        x = blocks.flatten(x, f"{name}_flatten")
        x = blocks.dense(x, scale.channels(1024), name=f"{name}_fc", activation="relu")
        x = blocks.dropout(x, top.rate(0.7), f"{name}_dropout")
        outputs[name] = blocks.dense(
            x, top.classes, name=name, activation=top.activation, dtype="float32"
        )
    return outputs


TORCHVISION = Row(large=3, batch_norm=True, pool4=2, paper_dropout=0.2)
for name, builder, row, params, macs in (
    ("googlenet", "GoogLeNet", Row(), 6_998_552, 1_582_671_872),
    ("googlenet_bn", "GoogLeNetBN", TORCHVISION, 6_624_904, 1_498_376_192),
):
    register(
        Variant(
            name, builder, PAPER, body, head, row, (224, 224, 3), 1000, params, macs,
            auxiliary=auxiliary, small_stem=True,
        )
    )  # fmt: skip
