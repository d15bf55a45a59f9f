"""MobileNetV2: inverted residuals, with shortcuts between narrow linear maps.

Sandler, Howard, Zhu, Zhmoginov, Chen 2018, "MobileNetV2: inverted residuals and linear
bottlenecks", arXiv:1801.04381.

Departures: symmetric padding and a batch norm of epsilon 1e-5 and momentum 0.9, as in torchvision;
padding="same" is that of the authors and of keras.applications.

Errors: the 6.9 M parameters of Table 4 for a width of 1.4 should be 6.1 M.

depth: n. width: all channels, to multiples of 8 as `round_channels` does; the last convolution is
not reduced (section 6.1 of the paper). kernel_size: the depthwise filters. stem="small":
the first convolution has stride 1.
"""

from __future__ import annotations

from dataclasses import dataclass

from kerascnn.applications import blocks
from kerascnn.applications.blocks import Norm
from kerascnn.applications.blocks.mobile_blocks import (
    classifier,
    conv_padding,
    inverted_residual,
    scale_channels,
)
from kerascnn.models.layer import Tensor
from kerascnn.models.registry import Paper, Scale, Variant, register

PAPER = Paper(
    "mobilenet",
    "MobileNetV2: inverted residuals and linear bottlenecks",
    "arXiv:1801.04381",
    2018,
)
NORM = Norm()


@dataclass(frozen=True)
class Row:
    """Table 2 of the paper.

    Args:
        first: channels of the first convolution.
        stages: (t, c, n, s): expansion, channels, repeats, stride of the first repeat.
        last: channels of the last convolution.
        dropout: rate before the classifier.
        padding: "symmetric", or "same" for TensorFlow's.
    """

    first: int
    stages: tuple[tuple[int, int, int, int], ...]
    last: int
    dropout: float
    padding: str = "symmetric"


# Table 2 of the paper.
#    t    c  n  s
STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def body(x: Tensor, row: Row, scale: Scale) -> Tensor:
    """A convolution, inverted residuals, a 1x1 convolution."""
    pad, stride = conv_padding(row.padding), 1 if scale.stem == "small" else 2
    first = scale_channels(row.first, scale)
    x = blocks.conv_norm(x, first, 3, stride, name="conv1", norm=NORM, act="relu6", pad=pad)
    for stage, (t, c, n, s) in enumerate(row.stages, 2):
        for repeat in range(scale.repeats(n)):
            x = inverted_residual(
                x,
                scale_channels(c, scale),
                t * x.shape[-1],
                scale.kernel(3),
                1 if repeat else s,
                name=f"bottleneck{stage}_{repeat + 1}",
                norm=NORM,
                act="relu6",
                pad=pad,
            )
    last = max(row.last, scale_channels(row.last, scale))
    return blocks.conv_norm(x, last, 1, name="conv_last", norm=NORM, act="relu6")


register(
    Variant(
        "mobilenet_v2", "MobileNetV2", PAPER, body, classifier, Row(32, STAGES, 1280, 0.2),
        (224, 224, 3), 1000, 3_504_872, 300_774_272, small_stem=True,
    )
)  # fmt: skip
