"""ShuffleNetV2: half of the channels pass unchanged, the other half through a branch.

Ma, Zhang, Zheng, Sun 2018, "ShuffleNet V2: practical guidelines for efficient CNN architecture
design", arXiv:1807.11164. The graph is torchvision's.

depth: units of a stage, including the first of stride 2. width: all channels; those of the stages
to even numbers. kernel_size: the depthwise filters. stem="small": a first convolution of stride 1
and no pool.
"""

from __future__ import annotations

from dataclasses import dataclass

from kerascnn.applications import blocks
from kerascnn.applications.blocks import Norm
from kerascnn.applications.blocks.mobile_blocks import (
    channel_shuffle,
    channel_slice,
    depthwise_norm,
)
from kerascnn.models.layer import Tensor
from kerascnn.models.registry import Paper, Scale, Variant, register

PAPER = Paper(
    "shufflenet",
    "ShuffleNet V2: practical guidelines for efficient CNN architecture design",
    "arXiv:1807.11164",
    2018,
)
NORM = Norm()


@dataclass(frozen=True)
class Row:
    """A column of Table 5 of the paper.

    Args:
        channels: of stages 2, 3 and 4.
        last: channels of the last convolution.
        first: channels of the first convolution.
        repeats: units of stages 2, 3 and 4, including the unit of stride 2.
    """

    channels: tuple[int, int, int]
    last: int
    first: int = 24
    repeats: tuple[int, int, int] = (4, 8, 4)


# Table 5 of the paper.
#               stage 2, 3, 4    conv5  parameters MACs
TABLE = {
    "0_5": (Row((48, 96, 192), 1024), 1_366_792, 40_476_448),
    "1_0": (Row((116, 232, 464), 1024), 2_278_604, 144_907_992),
    "1_5": (Row((176, 352, 704), 1024), 3_503_624, 295_759_392),
    "2_0": (Row((244, 488, 976), 2048), 7_393_996, 583_253_464),
}


def _unit(x: Tensor, out: int, stride: int, kernel: int, name: str) -> Tensor:
    """Figure 3 (c) and (d) of the paper."""
    half = out // 2
    if stride == 1:
        kept = channel_slice(x, 0, f"{name}_left")
        x = channel_slice(x, 1, f"{name}_right")
    else:
        kept = depthwise_norm(x, kernel, stride, name=f"{name}_left_dw", norm=NORM)
        kept = blocks.conv_norm(kept, half, 1, name=f"{name}_left_conv", norm=NORM)
    x = blocks.conv_norm(x, half, 1, name=f"{name}_conv1", norm=NORM)
    x = depthwise_norm(x, kernel, stride, name=f"{name}_dw", norm=NORM)
    x = blocks.conv_norm(x, half, 1, name=f"{name}_conv2", norm=NORM)
    x = blocks.concat([kept, x], f"{name}_concat")
    return channel_shuffle(x, 2, f"{name}_shuffle")


def body(x: Tensor, row: Row, scale: Scale) -> Tensor:
    """A convolution and a pool, three stages of units, a 1x1 convolution."""
    small = scale.stem == "small"
    first = scale.channels(row.first)
    x = blocks.conv_norm(x, first, 3, 1 if small else 2, name="conv1", norm=NORM)
    x = x if small else blocks.max_pool(x, 3, 2, name="pool1", pad=1)
    for stage, (channels, repeats) in enumerate(zip(row.channels, row.repeats, strict=True), 2):
        for unit in range(1, scale.repeats(repeats) + 1):
            out, stride = scale.channels(channels, 2), 2 if unit == 1 else 1
            x = _unit(x, out, stride, scale.kernel(3), f"stage{stage}_{unit}")
    return blocks.conv_norm(x, scale.channels(row.last), 1, name="conv5", norm=NORM)


for size, (row, params, macs) in TABLE.items():
    register(
        Variant(
            f"shufflenet_v2_x{size}", f"ShuffleNetV2X{size}", PAPER, body, blocks.classifier,
            row, (224, 224, 3), 1000, params, macs, small_stem=True,
        )
    )  # fmt: skip
