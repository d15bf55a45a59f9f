"""VGG: stacks of 3x3 convolutions, in the six columns of the paper and with batch norm.

Simonyan, Zisserman 2014, "Very deep convolutional networks for large-scale image recognition",
arXiv:1409.1556, Table 1.

Departure: weights start from He's distribution; the paper trained column A first and started the
other columns from its layers. A-LRN has the constants of AlexNet, as in the paper. The `_bn` rows
are torchvision's, whose convolutions have biases before the batch norm.

depth: convolutions of each stage; in column C, where they differ, a copy follows its original.
width: channels and units. kernel_size: the 3x3, not the 1x1 of column C.
"""

from __future__ import annotations

from dataclasses import dataclass

from kerascnn.applications import blocks
from kerascnn.applications.blocks import Norm
from kerascnn.models.layer import Tensor
from kerascnn.models.registry import Paper, Scale, Top, Variant, register

PAPER = Paper(
    "vgg",
    "Very deep convolutional networks for large-scale image recognition",
    "arXiv:1409.1556",
    2014,
)


@dataclass(frozen=True)
class Row:
    """Columns of the table.

    Args:
        stages: for each stage the filter sizes of its convolutions; a max pool follows each stage.
        filters: channels of each stage.
        lrn: response normalisation after the first convolution.
        batch_norm: batch normalisation before every ReLU.
    """

    stages: tuple[tuple[int, ...], ...]
    filters: tuple[int, ...] = (64, 128, 256, 512, 512)
    lrn: bool = False
    batch_norm: bool = False


# Table 1 of the paper: 3 is a conv3, 1 a conv1.
#         conv?-64  -128    -256          -512          -512
A = Row(((3,),    (3,),   (3, 3),       (3, 3),       (3, 3)))  # fmt: skip
A_LRN = Row(A.stages, lrn=True)
B = Row(((3, 3),  (3, 3), (3, 3),       (3, 3),       (3, 3)))  # fmt: skip
C = Row(((3, 3),  (3, 3), (3, 3, 1),    (3, 3, 1),    (3, 3, 1)))  # fmt: skip
D = Row(((3, 3),  (3, 3), (3, 3, 3),    (3, 3, 3),    (3, 3, 3)))  # fmt: skip
E = Row(((3, 3),  (3, 3), (3, 3, 3, 3), (3, 3, 3, 3), (3, 3, 3, 3)))  # fmt: skip

TABLE = (
    # name        builder     column parameters  MACs
    ("vgg11", "VGG11", A, 132_863_336, 7_609_090_048),
    ("vgg11_lrn", "VGG11LRN", A_LRN, 132_863_336, 7_609_090_048),
    ("vgg13", "VGG13", B, 133_047_848, 11_308_466_176),
    ("vgg16_1x1", "VGG16_1x1", C, 133_638_952, 11_770_888_192),
    ("vgg16", "VGG16", D, 138_357_544, 15_470_264_320),
    ("vgg19", "VGG19", E, 143_667_240, 19_632_062_464),
    ("vgg11_bn", "VGG11BN", Row(A.stages, batch_norm=True), 132_868_840, 7_609_090_048),
    ("vgg13_bn", "VGG13BN", Row(B.stages, batch_norm=True), 133_053_736, 11_308_466_176),
    ("vgg16_bn", "VGG16BN", Row(D.stages, batch_norm=True), 138_365_992, 15_470_264_320),
    ("vgg19_bn", "VGG19BN", Row(E.stages, batch_norm=True), 143_678_248, 19_632_062_464),
)


def stages(x: Tensor, row: Row, scale: Scale, ceil: bool = False) -> list[Tensor]:
    """Returns the output of every pool; with `ceil` the pools round sizes up."""
    pools = []
    for stage, (kernels, filters) in enumerate(zip(row.stages, row.filters, strict=True), 1):
        for step, (kernel, _) in enumerate(scale.stretch(kernels), 1):
            name = f"conv{stage}_{step}"
            size = kernel if kernel == 1 else scale.kernel(kernel)
            act = None if row.batch_norm else "relu"
            x = blocks.conv(x, scale.channels(filters), size, name=name, activation=act)
            if row.batch_norm:
                x = blocks.batch_norm(x, f"{name}_bn", Norm())
                x = blocks.activation(x, "relu", f"{name}_act")
            if row.lrn and name == "conv1_1":
                x = blocks.lrn(x, "norm1")
        x = blocks.max_pool(x, name=f"pool{stage}", ceil=ceil)
        pools.append(x)
    return pools


def body(x: Tensor, row: Row, scale: Scale) -> Tensor:
    """224 -> 112 -> 56 -> 28 -> 14 -> 7."""
    return stages(x, row, scale)[-1]


def head(x: Tensor, row: Row, scale: Scale, top: Top) -> Tensor:
    """fc6, fc7, softmax, with the names of Caffe."""
    return blocks.fc_classifier(x, scale, top)


for name, builder, row, params, macs in TABLE:
    register(Variant(name, builder, PAPER, body, head, row, (224, 224, 3), 1000, params, macs))
