"""The columns of a residual network, and which of them go together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kerascnn.errors import UsageError

CHOICES = {
    "block": ("basic", "bottleneck"),
    "entry": ("7x7", "deep", "3x3"),
    "shortcut": ("A", "B", "C", "none"),
    "stride_in": ("1x1", "3x3"),
    "stride_at": ("first", "last"),
}


@dataclass(frozen=True)
class Row:
    """The columns of a residual network.

    Args:
        repeats: blocks of conv2_x, conv3_x, ….
        block: "basic" (two 3x3) or "bottleneck" (1x1, 3x3, and a 1x1 to four times `channels`).
        channels: of the 3x3s, one number for every stage.
        entry: the stem: "7x7" or "deep" (three 3x3), of stride 2 with a pool, or "3x3" of stride 1.
        stem_channels: that leave the stem.
        groups: of a bottleneck's 3x3.
        group_width: channels of one group where `channels` is 64, in proportion elsewhere.
        half_first: a bottleneck's first 1x1 has half the channels of its 3x3.
        stride_in: the convolution of a bottleneck that strides.
        stride_at: the block of a stage that strides: its first, or its last as TensorFlow's v2.
        pre_activation: batch norm and ReLU before every convolution.
        shortcut: where shapes change "A" pads zero channels (half of them in front) and "B"
            projects; "C" projects in every block; "none" leaves a plain network.
        shortcut_kernel: size of the projections that stride.
        reduction: squeeze-and-excitation with channels / reduction units, at least 8; None without.
        zero_gamma: the last batch norm of every branch starts at zero (Goyal 2017).
        block_dropout: rate before the last convolution of every branch.
        stochastic_depth: share of the samples that skip the last block while training, [0, 1); it
            grows in proportion from block to block (Huang 2016, arXiv:1603.09382).
        head_dropout: rate before the classifier where the builder's `dropout` is None.
        biases: convolutions that no batch norm follows have one.
        ceil_pool: the stem's pool starts at the edge and hangs over the far one, as in Caffe.
        epsilon: of every batch norm.
    """

    repeats: tuple[int, ...]
    block: str = "basic"
    channels: tuple[int, ...] = (64, 128, 256, 512)
    entry: str = "7x7"
    stem_channels: int = 64
    groups: int = 1
    group_width: int = 64
    half_first: bool = False
    stride_in: str = "3x3"
    stride_at: str = "first"
    pre_activation: bool = False
    shortcut: str = "B"
    shortcut_kernel: int = 1
    reduction: int | None = None
    zero_gamma: bool = False
    block_dropout: float = 0.0
    stochastic_depth: float = 0.0
    head_dropout: float = 0.0
    biases: bool = False
    ceil_pool: bool = False
    epsilon: float = 1e-5

    def __post_init__(self) -> None:
        for column, allowed in CHOICES.items():
            if getattr(self, column) not in allowed:
                got = getattr(self, column)
                raise UsageError(f"{column} must be one of {', '.join(allowed)}, got {got!r}")
        counts = (self.stem_channels, self.groups, self.group_width, self.shortcut_kernel)
        if not all(map(_counts, (self.repeats, self.channels, counts))) or (
            len(self.repeats) != len(self.channels)
        ):
            raise UsageError(
                "repeats and channels need one whole number of at least 1 for every stage, as do "
                "stem_channels, groups, group_width and shortcut_kernel; got "
                f"repeats={self.repeats!r}, channels={self.channels!r} and {counts}"
            )
        most = 0 if self.shortcut == "none" else 1
        if not (self.stochastic_depth == 0 or 0 < self.stochastic_depth < most):
            raise UsageError(
                f"stochastic_depth={self.stochastic_depth!r}; it must lie in [0, 1), and be 0 in a "
                "plain network, which has no shortcut around a block"
            )
        inner = (self.groups, self.group_width, self.half_first)
        if self.block == "basic" and inner != (1, 64, False):
            raise UsageError(
                "a basic block has no inner width: groups, group_width and half_first need "
                'block="bottleneck"; change channels to widen a basic one'
            )
        if self.zero_gamma and (self.pre_activation or self.shortcut == "none"):
            raise UsageError(
                "zero_gamma needs a batch norm at the end of the branch and a shortcut beside it; "
                "pre-activated blocks lack the one and plain networks the other"
            )


def _counts(numbers: Any) -> bool:
    return isinstance(numbers, list | tuple) and all(
        isinstance(number, int) and number > 0 for number in numbers
    )
