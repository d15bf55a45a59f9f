"""EfficientNet: a network found by search, scaled in depth, width and resolution together.

Tan, Le 2019, "EfficientNet: rethinking model scaling for convolutional neural networks",
arXiv:1905.11946.

Departures: symmetric padding and torchvision's batch norms (epsilon 1e-5 and momentum 0.9 up to B4,
0.001 and 0.99 from B5), as its weights need; padding="same" is that of the authors and of
keras.applications. The squeeze-and-excitation has a quarter of a block's input channels, as in the
authors' code. Stochastic depth grows from 0 to `stochastic_depth` (a survival probability of 0.8).

depth, width: multiply those of the row, as in the paper: repeats are rounded up, channels to
multiples of 8 as `round_channels` does. kernel_size: all depthwise filters, 3x3 and 5x5.
stem="small": the first convolution has stride 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from kerascnn.applications import blocks
from kerascnn.applications.blocks import Norm
from kerascnn.applications.blocks.mobile_blocks import (
    classifier,
    conv_padding,
    inverted_residual,
    round_channels,
)
from kerascnn.imaging.preprocessing import crop
from kerascnn.models.layer import Tensor
from kerascnn.models.registry import Paper, Scale, Variant, register

PAPER = Paper(
    "efficientnet",
    "EfficientNet: rethinking model scaling for convolutional neural networks",
    "arXiv:1905.11946",
    2019,
)


@dataclass(frozen=True)
class Row:
    """Compound coefficients of a network.

    Args:
        width: multiplies the channels of B0.
        depth: multiplies the repeats of B0.
        dropout: rate before the classifier.
        epsilon: of the batch norms.
        momentum: of the batch norms.
        stochastic_depth: share of the samples that skip the last block while training.
        padding: "symmetric", or "same" for TensorFlow's.
    """

    width: float
    depth: float
    dropout: float
    epsilon: float = 1e-5
    momentum: float = 0.9
    stochastic_depth: float = 0.2
    padding: str = "symmetric"


# Table 1 of the paper, EfficientNet-B0, stages 2 to 8.
# expansion, kernel, channels, layers, stride
B0 = (
    (1, 3, 16, 1, 1),
    (6, 3, 24, 2, 2),
    (6, 5, 40, 2, 2),
    (6, 3, 80, 3, 2),
    (6, 5, 112, 3, 1),
    (6, 5, 192, 4, 2),
    (6, 3, 320, 1, 1),
)
FIRST, LAST = 32, 1280

# Section 4 of the paper (alpha = 1.2, beta = 1.1, gamma = 1.15), rounded as in the authors' code.
#    width depth dropout   resolution parameters  MACs
TABLE = (
    (Row(1.0, 1.0, 0.2), 224, 5_288_548, 385_814_752),
    (Row(1.0, 1.1, 0.2), 240, 7_794_184, 686_802_832),
    (Row(1.1, 1.2, 0.3), 260, 9_109_994, 993_561_872),
    (Row(1.2, 1.4, 0.3), 300, 12_233_232, 1_827_141_392),
    (Row(1.4, 1.8, 0.4), 380, 19_341_616, 4_393_771_024),
    (Row(1.6, 2.2, 0.4, 1e-3, 0.99), 456, 30_389_784, 10_266_384_752),
    (Row(1.8, 2.6, 0.5, 1e-3, 0.99), 528, 43_040_704, 19_067_593_536),
    (Row(2.0, 3.1, 0.5, 1e-3, 0.99), 600, 66_347_960, 37_745_884_192),
)


def body(x: Tensor, row: Row, scale: Scale) -> Tensor:
    """A convolution, inverted residuals with squeeze-and-excitation, a 1x1 convolution; swish."""
    pad, norm, act = conv_padding(row.padding), Norm(row.epsilon, row.momentum), "silu"
    width, depth = row.width * scale.width, row.depth * scale.depth
    stride = 1 if scale.stem == "small" else 2
    first = round_channels(FIRST * width)
    x = blocks.conv_norm(x, first, 3, stride, name="conv1", norm=norm, act=act, pad=pad)
    # Rounded before ceil, since 5 * 1.2 is 6.000000000000001.
    repeats = [ceil(round(layers * depth, 6)) for _, _, _, layers, _ in B0]
    done = 0
    for stage, (t, k, c, _, s) in enumerate(B0, 2):
        for repeat in range(repeats[stage - 2]):
            x = inverted_residual(
                x,
                round_channels(c * width),
                round_channels(t * x.shape[-1]),
                scale.kernel(k),
                1 if repeat else s,
                name=f"mbconv{stage}_{repeat + 1}",
                norm=norm,
                act=act,
                squeezed=max(1, x.shape[-1] // 4),
                gate=(act, "sigmoid"),
                pad=pad,
                drop=row.stochastic_depth * done / sum(repeats),
            )
            done += 1
    last = 4 * round_channels(c * width)
    return blocks.conv_norm(x, last, 1, name="conv_last", norm=norm, act=act)


for number, (row, side, params, macs) in enumerate(TABLE):
    register(
        Variant(
            f"efficientnet_b{number}", f"EfficientNetB{number}", PAPER, body, classifier, row,
            (side, side, 3), 1000, params, macs, small_stem=True,
            preprocessing=crop(side, interpolation="bicubic"),
        )
    )  # fmt: skip
