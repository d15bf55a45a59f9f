"""Costs of the package's own layers, added to `kerascnn.models.costs.RULES`."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

from kerascnn.models.costs import RULES, Cost, FixedSizeError, Shape, product, rule, slide

RULES["GroupedConv2D"] = RULES["Conv2D"]
RULES["LocalResponseNormalization"] = RULES["Identity"]
for _kind in ("ChannelShuffle", "ExactGelu", "HardSigmoid", "ScaledTanh"):
    RULES[_kind] = RULES["Identity"]
for _kind in ("SumPooling2D", "L2Pooling2D"):
    RULES[_kind] = RULES["AveragePooling2D"]


@rule("ChannelSlice")
def _channel_slice(shapes: list[Shape], config: Any) -> Cost:
    (shape,) = shapes
    return Cost((*shape[:-1], (shape[-1] or 0) // config.get("parts", 2)))


@rule("TableConv2D")
def _table_conv(shapes: list[Shape], config: Any) -> Cost:
    table, size = config["table"], config["kernel_size"]
    weights = size * size * sum(len(maps) for maps in table)
    sizes, window, stride = slide(shapes[0], {}, size)
    macs = product(weights, *sizes)
    return Cost((None, *sizes, len(table)), weights + len(table), 0, macs, window, stride)


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


@rule("PositionBias")
def _position_bias(shapes: list[Shape], config: object) -> Cost:
    (shape,) = shapes
    sides = [side for side in shape[1:] if side is not None]
    if len(sides) < 3:
        raise FixedSizeError(
            "the policy has a bias for each point of the board and needs a fixed height and width; "
            "give numbers in input_shape, or use include_top=False"
        )
    return Cost(shape, prod(sides))


@rule("WeightedPooling2D")
def _weighted(shapes: list[Shape], config: Mapping[str, Any]) -> Cost:
    size, step = config["pool_size"], config["strides"]
    sizes, window, stride = slide(shapes[0], {"padding": "same"}, size, step)
    return Cost((None, *sizes, shapes[0][-1]), window=window, stride=stride)


@rule("CropLike")
def _crop_like(shapes: list[Shape], config: object) -> Cost:
    x, reference = shapes
    return Cost((None, *reference[1:3], x[-1]))


@rule("EvenBorder2D")
def _border(shapes: list[Shape], config: Any) -> Cost:
    _, height, width, channels = shapes[0]
    sides = (None if side is None else side + 1 + side % 2 for side in (height, width))
    return Cost((None, *sides, channels))
