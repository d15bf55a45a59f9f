"""Lists the variables that a planned network expects, with their shapes, without building it.

A file of weights can be checked against this list before Keras is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from kerascnn.models.costs import Entry, Plan, Shape, pair
from kerascnn.weights.axis_order import MapShape


@dataclass(frozen=True)
class Expected:
    """The variables that a layer with weights expects.

    Args:
        kind: class name of the layer.
        variables: shape of each variable by name, in Keras's order.
        flattened: shape of the feature map that is flattened before a dense layer; otherwise None.
        epsilon: epsilon of a batch norm; otherwise None.
        normalizes: name of the layer with weights whose output a batch norm normalizes directly;
            None if there is no such layer.
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


# Layers whose variables are not simply a kernel and an optional bias.
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
    variables = _KERNELS[entry.kind](shape, entry.config)
    if entry.config.get("use_bias", True):
        variables["bias"] = (entry.cost.shape[-1] or 0,)
    return variables


def _flattened(plan: Plan, entry: Entry) -> MapShape | None:
    """Returns the shape of the feature map that a `Flatten` before a dense layer flattens.

    Layers in between that keep the positions of values, such as Dropout, are passed over. None if
    there is no such `Flatten`.
    """
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
    """Returns the layers with weights by name, in the order in which the plan lists them.

    Layers whose variables are not known here, such as `Normalization`, are left out; a plan of ours
    has none.
    """
    layers = {}
    for entry in plan.entries.values():
        if not entry.cost.trainable + entry.cost.fixed:
            continue
        if entry.kind not in _KERNELS | _OTHERS:
            continue
        source = plan.entries.get(entry.inputs[0].source)
        weighted = source is not None and source.cost.trainable > 0
        norm = entry.kind == "BatchNormalization"
        layers[entry.name] = Expected(
            entry.kind,
            _variables(entry),
            _flattened(plan, entry) if entry.kind == "Dense" else None,
            entry.config.get("epsilon", 1e-3) if norm else None,
            source.name if norm and source is not None and weighted else None,
        )
    return layers


def without_prefix(layers: Mapping[str, Expected], prefix: str) -> dict[str, Expected]:
    """Returns the layers by their names without a prefix."""
    return {
        name.removeprefix(prefix): layer
        if layer.normalizes is None
        else replace(layer, normalizes=layer.normalizes.removeprefix(prefix))
        for name, layer in layers.items()
    }
