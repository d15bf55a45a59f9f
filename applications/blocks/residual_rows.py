"""The columns of the residual networks: those of both versions, and those of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from kerascnn.errors import UsageError

CHOICES = {
    "block": ("basic", "bottleneck"),
    "entry": ("7x7", "deep", "3x3"),
    "shortcut": ("A", "B", "C", "none"),
    "stride_in": ("1x1", "3x3"),
    "stride_at": ("first", "last"),
}
COUNTS = ("stem_channels", "groups", "group_width", "shortcut_kernel")


@dataclass(frozen=True)
class Row:
    """The columns of both versions.

    Args:
        repeats: blocks of conv2_x, conv3_x, ….
        block: "basic" (two 3x3) or "bottleneck" (1x1, 3x3, and a 1x1 to four times `channels`).
        channels: of the 3x3s, one number for every stage.
        entry: the stem: "7x7" or "deep" (three 3x3), of stride 2 with a pool, or "3x3" of stride 1.
        stem_channels: channels of the stem's output.
        groups: of a bottleneck's 3x3.
        group_width: channels of one group where `channels` is 64, in proportion elsewhere.
        stride_in: the convolution of a bottleneck that strides: "1x1" (the first) or "3x3".
        shortcut: where shapes change "A" pads zero channels (half of them in front) and "B"
            projects; "C" projects in every block; "none" leaves a plain network.
        reduction: squeeze-and-excitation with channels / reduction units, at least 8; None without.
        block_dropout: dropout rate before the last convolution of every branch.
        stochastic_depth: share of the samples that skip the last block while training, [0, 1); it
            grows in proportion from block to block (Huang 2016, arXiv:1603.09382).
        head_dropout: dropout rate before the classifier where the builder's `dropout` is None.
        ceil_pool: the stem's pool pads the far edge only and rounds its size up, as in Caffe.
        epsilon: of every batch norm.
    """

    repeats: tuple[int, ...]
    block: str = "basic"
    channels: tuple[int, ...] = (64, 128, 256, 512)
    entry: str = "7x7"
    stem_channels: int = 64
    groups: int = 1
    group_width: int = 64
    stride_in: str = "3x3"
    shortcut: str = "B"
    reduction: int | None = None
    block_dropout: float = 0.0
    stochastic_depth: float = 0.0
    head_dropout: float = 0.0
    ceil_pool: bool = False
    epsilon: float = 1e-5

    def __post_init__(self) -> None:
        columns = {column.name: getattr(self, column.name) for column in fields(self)}
        for column, allowed in CHOICES.items():
            if column in columns and columns[column] not in allowed:
                got = columns[column]
                raise UsageError(f"{column} must be one of {', '.join(allowed)}, got {got!r}")
        counts = {column: columns[column] for column in COUNTS if column in columns}
        numbers = (self.repeats, self.channels, tuple(counts.values()))
        if not all(map(_are_counts, numbers)) or len(self.repeats) != len(self.channels):
            raise UsageError(
                "repeats and channels need one whole number of at least 1 for every stage, as do "
                f"{', '.join(counts)}; got repeats={self.repeats!r}, channels={self.channels!r} "
                f"and {counts}"
            )
        limit = 0 if self.shortcut == "none" else 1
        if not (self.stochastic_depth == 0 or 0 < self.stochastic_depth < limit):
            raise UsageError(
                f"stochastic_depth={self.stochastic_depth!r}; it must lie in [0, 1), and be 0 in a "
                "plain network, which has no shortcut around a block"
            )
        if self.block == "basic" and (self.groups, self.group_width) != (1, 64):
            raise UsageError(
                "a basic block has no inner width: groups and group_width need "
                'block="bottleneck"; change channels to widen a basic one'
            )

    def for_columns(self, changes: Mapping[str, Any]) -> tuple[Row, dict[str, Any]]:
        """Returns the row as the version that `pre_activation` selects, and the columns it takes.

        Args:
            changes: columns that a user sets.

        Returns:
            This row, or one of the other version with the columns of both; and `changes` without
            `pre_activation` and without columns of the other version that have no effect.

        Raises:
            UsageError: this row sets a column that the version does not have.
        """
        own, other = (RowV2, RowV1) if isinstance(self, RowV2) else (RowV1, RowV2)
        pre_activation = bool(changes.get("pre_activation", own is RowV2))
        if pre_activation != (own is RowV2):
            own, other = other, own
        taken = {name: value for name, value in changes.items() if name != "pre_activation"}
        shared = {column.name: getattr(self, column.name) for column in fields(Row)}
        for column in fields(other):
            if column.name in shared or not column.init:
                continue
            value = taken.get(column.name, getattr(self, column.name, column.default))
            if value == column.default:
                taken.pop(column.name, None)
            elif column.name not in taken:
                raise UsageError(
                    f"{column.name}={value!r} of this row has no meaning with "
                    f"pre_activation={pre_activation}; set {column.name}={column.default!r}"
                )
        return self if isinstance(self, own) else own(**shared), taken


@dataclass(frozen=True)
class RowV1(Row):
    """The columns of version 1 only (post-activation; He 2015, arXiv:1512.03385).

    Args:
        half_first: a bottleneck's first 1x1 has half the channels of its 3x3.
        shortcut_kernel: size of the projections that stride.
        zero_gamma: the last batch norm of every branch starts at zero (Goyal 2017).
        pre_activation: False; True selects version 2.
    """

    half_first: bool = False
    shortcut_kernel: int = 1
    zero_gamma: bool = False
    pre_activation: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.block == "basic" and self.half_first:
            raise UsageError('a basic block has no first 1x1: half_first needs block="bottleneck"')
        if self.zero_gamma and self.shortcut == "none":
            raise UsageError(
                "zero_gamma needs a shortcut beside every branch, and a plain network has none; "
                'leave it out, or set shortcut="A", "B" or "C"'
            )


@dataclass(frozen=True)
class RowV2(Row):
    """The columns of version 2 only (pre-activation; He 2016, arXiv:1603.05027).

    Args:
        stride_at: the block of a stage that strides: its "first" or, as in TensorFlow's, its
            "last".
        biases: convolutions that no batch norm follows have a bias.
        pre_activation: True; False selects version 1.
    """

    stride_at: str = "first"
    biases: bool = False
    pre_activation: bool = field(default=True, init=False)


def _are_counts(numbers: Any) -> bool:
    return isinstance(numbers, list | tuple) and all(
        isinstance(number, int) and number > 0 for number in numbers
    )
