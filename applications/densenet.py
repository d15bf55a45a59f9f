"""DenseNet: every layer of a block reads the maps of all layers before it.

Huang, Liu, van der Maaten, Weinberger 2016, "Densely connected convolutional networks",
arXiv:1608.06993. All rows are DenseNet-BC: a 1x1 bottleneck of 4k maps before each 3x3 of k, and
transitions that halve the channels.

The graph is torchvision's. A batch norm and a ReLU follow the last block, as in the authors' code;
the paper does not mention them. densenet161 is a column of the first versions of the paper, later
replaced by DenseNet-264. Departure: the paper's dropout of 0.2 after every convolution, for CIFAR
without augmentation only, is left out.

depth: layers of every block. width: k and the maps of the first convolution. kernel_size: the 3x3
of the dense layers. stem="small": a 3x3 of stride 1 and no pool.
"""

from __future__ import annotations

from dataclasses import dataclass

from kerascnn.applications import blocks
from kerascnn.applications.blocks import Norm
from kerascnn.models.layer import Tensor
from kerascnn.models.registry import Paper, Scale, Variant, register

PAPER = Paper("densenet", "Densely connected convolutional networks", "arXiv:1608.06993", 2016)
NORM = Norm()


@dataclass(frozen=True)
class Row:
    """A column of the paper's Table 1, or a line of its Table 2.

    Args:
        layers: of each dense block.
        growth: k, the maps that a layer adds.
        first: maps of the first convolution.
        stem: "imagenet", a 7x7 of stride 2 and a pool, or "cifar", a 3x3.
    """

    layers: tuple[int, ...]
    growth: int
    first: int
    stem: str = "imagenet"


# Table 1 of the paper; for CIFAR Table 2, where L = 100 and 190 are 3 blocks of (L - 4) / 6 layers.
#                                      dense blocks      k  first          parameters  MACs
TABLE = {
    ("densenet121", "DenseNet121"): (Row((6, 12, 24, 16), 32, 64), 7_978_856, 2_834_161_664),
    ("densenet161", "DenseNet161"): (Row((6, 12, 36, 24), 48, 96), 28_681_000, 7_727_907_072),
    ("densenet169", "DenseNet169"): (Row((6, 12, 32, 32), 32, 64), 14_149_480, 3_359_843_328),
    ("densenet201", "DenseNet201"): (Row((6, 12, 48, 32), 32, 64), 20_013_928, 4_291_365_888),
    ("densenet_bc100_12", "DenseNetBC100_12"): (
        Row((16, 16, 16), 12, 24, "cifar"), 769_162, 287_929_692,
    ),
    ("densenet_bc190_40", "DenseNetBC190_40"): (
        Row((31, 31, 31), 40, 80, "cifar"), 25_624_430, 9_301_945_740,
    ),
}  # fmt: skip


def _norm_relu_conv(x: Tensor, filters: int, kernel: int, name: str) -> Tensor:
    """Composite function of the paper: batch norm, ReLU, convolution."""
    x = blocks.batch_norm(x, f"{name}_bn", NORM)
    x = blocks.activation(x, "relu", f"{name}_relu")
    return blocks.conv(x, filters, kernel, name=name, bias=False)


def body(x: Tensor, row: Row, scale: Scale) -> Tensor:
    """A stem, dense blocks with transitions between them, batch norm and ReLU."""
    growth, first = scale.channels(row.growth), scale.channels(row.first)
    if row.stem == "cifar":
        x = blocks.conv(x, first, 3, name="conv0", bias=False)
    else:
        small = scale.stem == "small"
        size, stride = (3, 1) if small else (7, 2)
        x = blocks.conv_norm(x, first, size, stride, name="conv0", norm=NORM)
        x = x if small else blocks.max_pool(x, 3, 2, name="pool0", pad=1)
    for block, layers in enumerate(row.layers, 1):
        if block > 1:
            name = f"transition{block - 1}"
            x = _norm_relu_conv(x, x.shape[-1] // 2, 1, f"{name}_conv")
            x = blocks.avg_pool(x, name=f"{name}_pool")
        for layer in range(1, scale.repeats(layers) + 1):
            name = f"dense{block}_{layer}"
            new = _norm_relu_conv(x, 4 * growth, 1, f"{name}_conv1")
            new = _norm_relu_conv(new, growth, scale.kernel(3), f"{name}_conv2")
            x = blocks.concat([x, new], f"{name}_concat")
    x = blocks.batch_norm(x, "bn", NORM)
    return blocks.activation(x, "relu", "relu")


for (name, builder), (row, params, macs) in TABLE.items():
    cifar = row.stem == "cifar"
    shape, classes = ((32, 32, 3), 10) if cifar else ((224, 224, 3), 1000)
    register(
        Variant(
            name, builder, PAPER, body, blocks.classifier, row, shape, classes, params, macs,
            small_stem=not cifar,
        )
    )  # fmt: skip
