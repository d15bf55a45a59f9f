"""The general form of a convolutional network in Stanford's CS231n.

    [(CONV-RELU)*N - POOL?]*M - (FC-RELU)*K - SOFTMAX

"where N is usually up to ~5, M is large, 0 <= K <= 2". The defaults are a network for 32x32 colour
images: N = 2, M = 3, K = 1. Convolutions keep the size; pools are 2x2 of stride 2, the weighted
average 3x3 of stride 2, since all values of a 2x2 window are equally far from its centre.

depth: N. width: filters and units. kernel_size: filter_size.
"""

from __future__ import annotations

from dataclasses import dataclass

from kerascnn.applications import blocks
from kerascnn.applications.blocks import HE, Norm
from kerascnn.errors import UsageError
from kerascnn.models.layer import Tensor
from kerascnn.models.registry import Paper, Scale, Top, Variant, register

PAPER = Paper(
    "convnet",
    "Convolutional neural networks for visual recognition",
    "Stanford CS231n 2016",
    2016,
)

POOLS = ("max", "average", "sum", "l2", "weighted", None)


@dataclass(frozen=True)
class Row:
    """The letters of the form, and the choices that it leaves open.

    Args:
        n: convolutions of a stage, at least 1.
        m: stages, at least 1.
        k: hidden dense layers, 0 or more.
        filters: of each stage; one number for the first stage, doubled in each further stage.
        filter_size: odd, of each stage, or one number for all.
        units: of each hidden dense layer, or one number for all.
        pool: "max", "average", "sum", "l2" (norm), "weighted" (average by the distance from the
            centre), or None for no pools.
        batch_norm: batch norm before every ReLU.
    """

    n: int = 2
    m: int = 3
    k: int = 1
    filters: int | tuple[int, ...] = 32
    filter_size: int | tuple[int, ...] = 3
    units: int | tuple[int, ...] = 256
    pool: str | None = "max"
    batch_norm: bool = False


def each(name: str, value: int | tuple[int, ...], count: int, factor: int = 1) -> tuple[int, ...]:
    """Returns a column's value for each of `count` layers."""
    if isinstance(value, int):
        values = [value * factor**step for step in range(count)]
    else:
        values = list(value)
    if len(values) != count or not all(isinstance(x, int) and x > 0 for x in values):
        raise UsageError(f"{name} must be one positive whole number or {count}, got {value!r}")
    return tuple(values)


def check(row: Row) -> None:
    """Raises UsageError for letters that give no network."""
    for letter, value, least in ("n", row.n, 1), ("m", row.m, 1), ("k", row.k, 0):
        if not isinstance(value, int) or value < least:
            raise UsageError(f"{letter} must be a whole number of at least {least}, got {value!r}")
    if row.pool not in POOLS:
        raise UsageError(f"pool must be one of {POOLS}, got {row.pool!r}")
    if any(size % 2 == 0 for size in each("filter_size", row.filter_size, row.m)):
        raise UsageError(f"filter_size must be odd to keep the size, got {row.filter_size!r}")


def pool(x: Tensor, kind: str | None, name: str) -> Tensor:
    """Adds a pool of a kind of `POOLS`."""
    if kind == "max":
        return blocks.max_pool(x, name=name)
    if kind == "average":
        return blocks.avg_pool(x, name=name)
    if kind == "weighted":
        return blocks.layer("WeightedPooling2D", x, name, pool_size=3, strides=2)
    own = {"sum": "SumPooling2D", "l2": "L2Pooling2D"}
    return blocks.layer(own[kind], x, name, pool_size=2, strides=2) if kind else x


def body(x: Tensor, row: Row, scale: Scale) -> Tensor:
    """[(CONV-RELU)*N - POOL?]*M."""
    check(row)
    filters = each("filters", row.filters, row.m, factor=2)
    sizes = each("filter_size", row.filter_size, row.m)
    for stage, (count, size) in enumerate(zip(filters, sizes, strict=True), 1):
        maps, kernel = scale.channels(count), scale.kernel(size)
        for step in range(1, scale.repeats(row.n) + 1):
            name = f"conv{stage}_{step}"
            if row.batch_norm:
                x = blocks.conv_norm(x, maps, kernel, name=name, norm=Norm())
            else:
                x = blocks.conv(x, maps, kernel, name=name, activation="relu")
        x = pool(x, row.pool, f"pool{stage}")
    return x


def head(x: Tensor, row: Row, scale: Scale, top: Top) -> Tensor:
    """(FC-RELU)*K - SOFTMAX, with dropout before every dense layer but the first."""
    x = blocks.flatten(x)
    for step, count in enumerate(each("units", row.units, row.k), 1):
        name, units = f"fc{step}", scale.channels(count)
        if row.batch_norm:
            x = blocks.layer("Dense", x, name, units=units, use_bias=False, kernel_initializer=HE)
            x = blocks.batch_norm(x, f"{name}_bn", Norm())
            x = blocks.activation(x, "relu", f"{name}_act")
        else:
            x = blocks.dense(x, units, name=name, activation="relu")
        x = blocks.dropout(x, top.dropout, f"{name}_dropout")
    if row.k == 0:
        x = blocks.dropout(x, top.dropout, "dropout")
    return blocks.predictions(x, top)


register(
    Variant("convnet", "ConvNet", PAPER, body, head, Row(), (32, 32, 3), 10, 814_122, 39_160_320)
)
