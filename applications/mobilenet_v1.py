"""MobileNet: alternating depthwise and pointwise convolutions.

Howard, Zhu, Chen, Kalenichenko, Wang, Weyand, Andreetto, Adam 2017, "MobileNets: efficient
convolutional neural networks for mobile vision applications", arXiv:1704.04861.

Departures: ReLU6 for ReLU and a batch norm of epsilon 0.001 and momentum 0.99, as in the authors'
code and keras.applications. The padding is that of keras.applications: for a stride of 2 one more
row and column on the far side, also for maps of an odd size, which the authors' code pads equally
on both sides: padding="same". padding="symmetric" is that of timm.

Errors: Table 1 gives the last depthwise convolution a stride of 2, which would give 4x4 and
not the 7x7 of the next line; it is 1.

depth: repeats at every number of channels. width: the paper's alpha, not rounded to a multiple.
kernel_size: the depthwise filters. stem="small": the first convolution has stride 1.
"""

from __future__ import annotations

from dataclasses import dataclass

from kerascnn.applications import blocks
from kerascnn.applications.blocks import Norm
from kerascnn.applications.blocks.mobile_blocks import depthwise_norm
from kerascnn.errors import UsageError
from kerascnn.imaging.preprocessing import HALF, crop
from kerascnn.models.layer import Tensor
from kerascnn.models.registry import Paper, Scale, Variant, register

PAPER = Paper(
    "mobilenet",
    "MobileNets: efficient convolutional neural networks for mobile vision applications",
    "arXiv:1704.04861",
    2017,
)
NORM = Norm(1e-3, 0.99)
ACT = "relu6"
PADDINGS = ("far", "same", "symmetric")


@dataclass(frozen=True)
class Row:
    """Table 1 of the paper.

    Args:
        first: channels of the first convolution.
        stages: (channels, repeats, stride of the first repeat) of the separable convolutions.
        padding: "far" (as keras.applications), "same" (the authors' code) or "symmetric".
    """

    first: int
    stages: tuple[tuple[int, int, int], ...]
    padding: str = "far"


# Table 1 of the paper.
# channels  n  stride
STAGES = (
    (64, 1, 1),
    (128, 2, 2),
    (256, 2, 2),
    (512, 6, 2),
    (1024, 2, 2),
)


def _depthwise(x: Tensor, kernel: int, stride: int, padding: str, name: str) -> Tensor:
    pad: int | str | None = "same" if padding == "same" else None
    if padding == "far" and stride == 2:
        pad, borders = 0, (max(kernel - 3, 0) // 2, kernel // 2)
        x = blocks.layer("ZeroPadding2D", x, f"{name}_pad", padding=(borders, borders))
    return depthwise_norm(x, kernel, stride, name=name, norm=NORM, act=ACT, pad=pad)


def body(x: Tensor, row: Row, scale: Scale) -> Tensor:
    """A convolution, then pairs of a depthwise and a pointwise convolution."""
    padding, stride = row.padding, 1 if scale.stem == "small" else 2
    if padding not in PADDINGS:
        raise UsageError(f"padding must be one of {', '.join(PADDINGS)}, got {padding!r}")
    first, pad = scale.channels(row.first), None if padding == "symmetric" else "same"
    x = blocks.conv_norm(x, first, 3, stride, name="conv1", norm=NORM, act=ACT, pad=pad)
    for stage, (channels, repeats, first_stride) in enumerate(row.stages, 2):
        channels, kernel = scale.channels(channels), scale.kernel(3)
        for repeat in range(scale.repeats(repeats)):
            name, stride = f"separable{stage}_{repeat + 1}", 1 if repeat else first_stride
            x = _depthwise(x, kernel, stride, padding, f"{name}_dw")
            x = blocks.conv_norm(x, channels, 1, name=f"{name}_pw", norm=NORM, act=ACT)
    return x


register(
    Variant(
        "mobilenet_v1", "MobileNetV1", PAPER, body, blocks.classifier, Row(32, STAGES),
        (224, 224, 3), 1000, 4_231_976, 568_740_352, small_stem=True,
        preprocessing=crop(224, mean=HALF, std=HALF),
    )
)  # fmt: skip
