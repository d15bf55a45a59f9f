"""What tensors a planned network expects, known before anything is built.

So a file of weights can be judged, and weights made for another library, without Keras.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kerascnn.models.costs import Entry, Plan, Shape, pair
from kerascnn.weights.axis_order import MapShape


@dataclass(frozen=True)
class Expected:
    """A layer with weights.

    Args:
        kind: class name of the layer.
        variables: shape of each by name, in Keras's order.
        flattened: for a dense layer, the shape of the feature map that it reads flattened, if any.
        epsilon: of a batch norm.
        normalizes: the layer whose result a batch norm takes directly, if that has weights.
    """

    kind: str
    variables: dict[str, tuple[int, ...]]
    flattened: MapShape | None = None
    epsilon: float | None = None
    normalizes: str | None = None


Variables = dict[str, tuple[int, ...]]


def _conv(shape: Any, config: Mapping[str, Any]) -> Variables:
    inputs = shape[-1] // config.get("groups", 1)
    return {"kernel": (*pair(config["kernel_size"]), inputs, config["filters"])}


def _depthwise(shape: Any, config: Mapping[str, Any]) -> Variables:
    multiplier = config.get("depth_multiplier", 1)
    return {"kernel": (*pair(config["kernel_size"]), shape[-1], multiplier)}


def _transposed(shape: Any, config: Mapping[str, Any]) -> Variables:
    return {"kernel": (*pair(config["kernel_size"]), config["filters"], shape[-1])}


def _dense(shape: Any, config: Mapping[str, Any]) -> Variables:
    return {"kernel": (shape[-1], config["units"])}


_KERNELS: dict[str, Callable[[Any, Mapping[str, Any]], Variables]] = {
    "Conv2D": _conv,
    "GroupedConv2D": _conv,
    "DepthwiseConv2D": _depthwise,
    "Conv2DTranspose": _transposed,
    "Dense": _dense,
}


def _norm(shape: Shape, config: Mapping[str, Any]) -> Variables:
    names = ["gamma"] if config.get("scale", True) else []
    names += ["beta"] if config.get("center", True) else []
    return dict.fromkeys([*names, "moving_mean", "moving_variance"], (shape[-1] or 0,))


def _subsampling(shape: Any, config: Mapping[str, Any]) -> Variables:
    return {"coefficient": (shape[-1],), "bias": (shape[-1],)}


def _table_conv(shape: Any, config: Mapping[str, Any]) -> Variables:
    table = config["table"]
    return {
        "kernel": (config["kernel_size"] ** 2, sum(len(maps) for maps in table)),
        "bias": (len(table),),
    }


def _radial_basis(shape: Any, config: Mapping[str, Any]) -> Variables:
    return {"codes": (len(config["centres"][0]), len(config["centres"]))}


# Layers whose variables are not a kernel and perhaps a bias.
_OTHERS: dict[str, Callable[[Any, Mapping[str, Any]], Variables]] = {
    "BatchNormalization": _norm,
    "PositionBias": lambda shape, config: {"bias": shape[1:]},
    "RadialBasis": _radial_basis,
    "TableConv2D": _table_conv,
    "TrainableSubsampling": _subsampling,
}


def _variables(entry: Entry) -> Variables:
    shape = entry.inputs[0].shape
    if entry.kind in _OTHERS:
        return _OTHERS[entry.kind](shape, entry.config)
    made = _KERNELS[entry.kind](shape, entry.config)
    if entry.config.get("use_bias", True):
        made["bias"] = (entry.cost.shape[-1] or 0,)
    return made


def _flattened(plan: Plan, entry: Entry) -> MapShape | None:
    """Follows a dense layer's input back to a `Flatten`, past layers that change no position."""
    source = plan.entries.get(entry.inputs[0].source)
    while source is not None and source.kind in ("Dropout", "Activation", "ReLU", "Identity"):
        source = plan.entries.get(source.inputs[0].source)
    if source is None or source.kind != "Flatten":
        return None
    height, width, channels = source.inputs[0].shape[1:]
    assert height is not None
    assert width is not None
    assert channels is not None
    return height, width, channels


def expected(plan: Plan) -> dict[str, Expected]:
    """Returns the layers with weights by name, in the order in which they are made."""
    found = {}
    for entry in plan.entries.values():
        if not entry.cost.trainable + entry.cost.fixed:
            continue
        source = plan.entries.get(entry.inputs[0].source)
        weighted = source is not None and source.cost.trainable > 0
        norm = entry.kind == "BatchNormalization"
        found[entry.name] = Expected(
            entry.kind,
            _variables(entry),
            _flattened(plan, entry) if entry.kind == "Dense" else None,
            entry.config.get("epsilon", 1e-3) if norm else None,
            source.name if norm and source is not None and weighted else None,
        )
    return found
