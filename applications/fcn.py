"""FCN: a fully convolutional VGG-16 that predicts a class for every pixel.

Long, Shelhamer, Darrell 2015, "Fully convolutional networks for semantic segmentation",
arXiv:1411.4038, section 4 and Figure 3. The layers have the names of the authors' Caffe nets; the
21 classes are PASCAL VOC's with the background.

The scores at stride 32 are upsampled by transposed convolutions that start as bilinear
interpolation; FCN-16s and FCN-8s add the scores of pool4 and of pool3 in between. The weights of
the last upsampling stay bilinear and are not trainable, as in the paper. `predictions` is a softmax
for each pixel.

Departures: the paper pads the image by 100 and crops at offsets, because its fc6 is unpadded. Here
fc6 is padded, the pools round up, and every upsampled map is cropped at its far edge to the size of
the map it is added to: for any image, even a single pixel, the output has the size of the image and
is aligned with it. The scoring layers start normal with deviation 0.01 and not at zero: without the
pretrained VGG weights of the paper, zeros would stop every gradient.

depth, width and kernel_size: as in `vgg`, except the scores and the 7x7 of fc6.
"""

from __future__ import annotations

from dataclasses import dataclass

from kerascnn.applications import blocks, vgg
from kerascnn.errors import UsageError
from kerascnn.imaging.preprocessing import Preprocessing
from kerascnn.models.layer import Tensor
from kerascnn.models.registry import Paper, Scale, Top, Variant, register

PAPER = Paper(
    "fcn",
    "Fully convolutional networks for semantic segmentation",
    "arXiv:1411.4038",
    2015,
)


@dataclass(frozen=True)
class Row:
    """Stride of the finest scores: 32, 16 or 8."""

    stride: int


BILINEAR = {"class_name": "kerascnn>Bilinear", "config": {}}


def crop_like(x: Tensor, reference: Tensor, name: str) -> Tensor:
    """Crops `x` to the height and width of `reference`, if they may differ."""
    if None not in x.shape[1:3] and x.shape[1:3] == reference.shape[1:3]:
        return x
    return blocks.layer("CropLike", [x, reference], name)


def enlarge(x: Tensor, factor: int, name: str, trainable: bool = True) -> Tensor:
    """Upsamples height and width `factor` times by a transposed convolution."""
    return blocks.layer(
        "Conv2DTranspose",
        x,
        name,
        filters=x.shape[-1],
        kernel_size=2 * factor,
        strides=factor,
        padding="same",
        use_bias=False,
        kernel_initializer=BILINEAR,
        trainable=trainable,
    )


def body(x: Tensor, row: Row, scale: Scale) -> tuple[Tensor, dict[str, Tensor]]:
    """VGG-16's convolutions; the taps are the maps that scores are added to or cropped to."""
    if row.stride not in COUNTS:
        raise UsageError(f"stride must be 32, 16 or 8, got {row.stride!r}")
    pools = vgg.stages(x, vgg.D, scale, ceil=True)
    return pools[4], {"image": x, "pool3": pools[2], "pool4": pools[3]}


SKIPS = (("pool4", "upscore2"), ("pool3", "upscore_pool4"))
"""The maps whose scores are added, and the upsampling layer before each."""
COUNTS = {32: 0, 16: 1, 8: 2}


def score(x: Tensor, classes: int, name: str) -> Tensor:
    """A score for each class and position."""
    return blocks.conv(x, classes, 1, name=name, init=blocks.normal(0.01))


def head(x: Tensor, row: Row, scale: Scale, top: Top, taps: dict[str, Tensor]) -> Tensor:
    """fc6 and fc7 as convolutions, scores, skips, and upsampling to the size of the image."""
    for name, size in ("fc6", 7), ("fc7", 1):
        x = blocks.conv(x, scale.channels(4096), size, name=name, activation="relu")
        x = blocks.dropout(x, top.rate(0.5), f"{name}_dropout")
    x = score(x, top.classes, "score_fr")
    for tap, name in SKIPS[: COUNTS[row.stride]]:
        x = crop_like(enlarge(x, 2, name), taps[tap], f"{name}_crop")
        x = blocks.add([x, score(taps[tap], top.classes, f"score_{tap}")], f"fuse_{tap}")
    x = enlarge(x, row.stride, f"upscore{row.stride}", trainable=False)
    x = crop_like(x, taps["image"], "score")
    return blocks.layer(
        "Activation", x, "predictions", activation=top.activation or "linear", dtype="float32"
    )


# Section 4.1 measures its networks on 500x500.
for stride, params, macs in (
    (32, 134_346_581, 108_255_955_968),
    (16, 134_364_410, 108_268_772_352),
    (8, 134_376_863, 108_282_997_248),
):
    register(
        Variant(
            f"fcn{stride}s", f"FCN{stride}s", PAPER, body, head, Row(stride), (500, 500, 3), 21,
            params, macs, skips=True, preprocessing=Preprocessing(size=None, fit="none"),
        )
    )  # fmt: skip
