"""ShuffleNet: grouped pointwise convolutions, and a channel shuffle between the groups.

Zhang, Zhou, Lin, Sun 2017, "ShuffleNet: an extremely efficient convolutional neural network for
mobile devices", arXiv:1707.01083.

The bottleneck of a unit has a quarter of its output channels; a unit of stride 2 computes only the
channels that the concatenated average pool does not supply. The first pointwise
convolution is not grouped (section 3.2). Padded zeros count in the average pool, as in the authors'
code. The shuffle is that of the paper; the authors' code has its inverse.

Table 1 gives 143, 140, 137, 133 and 137 "MFLOPs"; these are multiply-accumulates.

depth: units of a stage, including the first of stride 2. width: the paper's s, to multiples that
the groups divide. kernel_size: the depthwise filters. stem="small": a first
convolution of stride 1 and no pool.
"""

from __future__ import annotations

from dataclasses import dataclass

from kerascnn.applications import blocks
from kerascnn.applications.blocks import Norm
from kerascnn.applications.blocks.mobile_blocks import channel_shuffle, depthwise_norm
from kerascnn.models.layer import Tensor
from kerascnn.models.registry import Paper, Scale, Variant, register

PAPER = Paper(
    "shufflenet",
    "ShuffleNet: an extremely efficient convolutional neural network for mobile devices",
    "arXiv:1707.01083",
    2017,
)
NORM = Norm()


@dataclass(frozen=True)
class Row:
    """A column of Table 1 of the paper.

    Args:
        groups: of the pointwise convolutions.
        channels: of stages 2, 3 and 4.
        first: channels of the first convolution.
        repeats: units of stages 2, 3 and 4, including the unit of stride 2.
    """

    groups: int
    channels: tuple[int, int, int]
    first: int = 24
    repeats: tuple[int, int, int] = (4, 8, 4)


# Table 1 of the paper.
#         g   stage 2, 3, 4     parameters MACs
TABLE = (
    (Row(1, (144, 288, 576)), 1_531_936, 143_078_976),
    (Row(2, (200, 400, 800)), 1_733_848, 140_836_512),
    (Row(3, (240, 480, 960)), 1_865_728, 137_460_672),
    (Row(4, (272, 544, 1088)), 1_968_344, 134_339_776),
    (Row(8, (384, 768, 1536)), 2_434_768, 138_365_952),
)


def _unit(
    x: Tensor, out: int, stride: int, groups: tuple[int, int], kernel: int, name: str
) -> Tensor:
    """Figure 2 (b) and (c) of the paper; `groups` of the first and of the second convolution."""
    computed = out - x.shape[-1] if stride == 2 else out
    y = blocks.conv_norm(x, out // 4, 1, name=f"{name}_conv1", norm=NORM, groups=groups[0])
    y = channel_shuffle(y, groups[1], f"{name}_shuffle")
    y = depthwise_norm(y, kernel, stride, name=f"{name}_dw", norm=NORM)
    y = blocks.conv_norm(
        y, computed, 1, name=f"{name}_conv2", norm=NORM, groups=groups[1], act=None
    )
    if stride == 2:
        x = blocks.avg_pool(x, 3, 2, name=f"{name}_pool", pad=1)
        y = blocks.concat([x, y], f"{name}_concat")
    else:
        y = blocks.add([x, y], f"{name}_add")
    return blocks.activation(y, "relu", f"{name}_relu")


def body(x: Tensor, row: Row, scale: Scale) -> Tensor:
    """A convolution and a pool, then three stages of units."""
    small, g = scale.stem == "small", row.groups
    x = blocks.conv_norm(
        x, scale.channels(row.first, g), 3, 1 if small else 2, name="conv1", norm=NORM
    )
    x = x if small else blocks.max_pool(x, 3, 2, name="pool1", pad=1)
    for stage, (channels, repeats) in enumerate(zip(row.channels, row.repeats, strict=True), 2):
        for unit in range(1, scale.repeats(repeats) + 1):
            grouped = (1 if (stage, unit) == (2, 1) else g, g)
            out = scale.channels(channels, 4 * g)
            stride = 2 if unit == 1 else 1
            x = _unit(x, out, stride, grouped, scale.kernel(3), f"stage{stage}_{unit}")
    return x


for row, params, macs in TABLE:
    register(
        Variant(
            f"shufflenet_v1_g{row.groups}", f"ShuffleNetV1G{row.groups}", PAPER, body,
            blocks.classifier, row, (224, 224, 3), 1000, params, macs, small_stem=True,
        )
    )  # fmt: skip
