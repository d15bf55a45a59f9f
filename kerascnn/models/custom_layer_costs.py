"""The costs of the package's own layers, entered into the rules of `kerascnn.models.costs`."""

from __future__ import annotations

from math import prod
from typing import Any

from kerascnn.models.costs import RULES, Cost, Shape, rule, slide

RULES["GroupedConv2D"] = RULES["Conv2D"]
RULES["LocalResponseNormalization"] = RULES["Identity"]
for _kind in ("ChannelShuffle", "ExactGelu", "HardSigmoid", "ScaledTanh"):
    RULES[_kind] = RULES["Identity"]


@rule("ChannelSlice")
def _channel_slice(shapes: list[Shape], config: Any) -> Cost:
    (shape,) = shapes
    return Cost((*shape[:-1], (shape[-1] or 0) // config.get("parts", 2)))


@rule("TableConv2D")
def _table_conv(shapes: list[Shape], config: Any) -> Cost:
    table, size = config["table"], config["kernel_size"]
    links = size * size * sum(len(maps) for maps in table)
    sizes, window, stride = slide(shapes[0], {}, size)
    macs = None if None in sizes else links * prod(side for side in sizes if side)
    return Cost((None, *sizes, len(table)), links + len(table), 0, macs, window, stride)


@rule("TrainableSubsampling")
def _subsampling(shapes: list[Shape], config: Any) -> Cost:
    sizes, window, stride = slide(shapes[0], {}, 2, 2)
    maps = shapes[0][-1] or 0
    return Cost((None, *sizes, maps), 2 * maps, window=window, stride=stride)


@rule("RadialBasis")
def _radial_basis(shapes: list[Shape], config: Any) -> Cost:
    codes = config["centres"]
    weights = len(codes) * len(codes[0])
    # One squared difference for each weight counts as one multiply-accumulate.
    return Cost((None, len(codes)), 0, weights, weights)
