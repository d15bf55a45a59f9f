"""Costs of a network layer by layer: parameters, multiply-accumulates, receptive fields."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from kerascnn.errors import UsageError
from kerascnn.lazy import keras
from kerascnn.models.costs import RULES, Cost, Entry, Plan, Planned, Shape, layer_cost, product
from kerascnn.models.planning import plan
from kerascnn.models.registry import model_info
from kerascnn.models.request import Request
from kerascnn.text_table import text_table

FLOAT_BYTES = 4


@dataclass(frozen=True)
class LayerCost:
    """The costs of one layer.

    Attributes:
        name: of the layer.
        kind: its class name.
        shape: of the output, without the batch axis.
        params: number of trainable parameters.
        macs: multiply-accumulates for one image; None if the image size is unknown.
        receptive_field: height and width in pixels of the image patch that one output value depends
            on; None for the whole image or if it is unknown.
    """

    name: str
    kind: str
    shape: Shape
    params: int
    macs: int | None
    receptive_field: tuple[int, int] | None


@dataclass(frozen=True)
class Summary:
    """The costs of a network.

    Attributes:
        name: of the architecture or model.
        input_shape: height, width, channels.
        layers: the costs of each layer.
        params: number of trainable parameters.
        fixed: number of parameters that are not trained.
        macs: multiply-accumulates for one image (FLOPs = 2 x MACs); None if the image size is
            unknown.
        activation_bytes: bytes of all layers' outputs for one image in float32; None if the image
            size is unknown.
    """

    name: str
    input_shape: Shape
    layers: tuple[LayerCost, ...]
    params: int
    fixed: int
    macs: int | None
    activation_bytes: int | None

    def to_json(self) -> dict[str, Any]:
        """Returns the summary as dictionaries, lists and numbers."""
        return asdict(self)

    def table(self) -> str:
        """Returns the summary as a text table, one line for each layer, and the totals below."""
        header = ("layer", "kind", "output", "parameters", "MACs", "sees")
        rows = [
            (
                layer.name,
                layer.kind,
                _size(layer.shape),
                f"{layer.params:,}" if layer.params else "",
                "?" if layer.macs is None else f"{layer.macs:,}" if layer.macs else "",
                _size(layer.receptive_field) if layer.receptive_field else "",
            )
            for layer in self.layers
        ]
        macs = "open" if self.macs is None else f"{self.macs:,}"
        flops = "" if self.macs is None else f" ({2 * self.macs:,} FLOPs)"
        lines = [
            text_table(header, rows, right=(2, 3, 4, 5), rule=True),
            "",
            f"{self.name}: input {_size(self.input_shape)}",
            f"trainable parameters {self.params:,}, others {self.fixed:,}, "
            f"{(self.params + self.fixed) * FLOAT_BYTES / 1e6:,.1f} MB in float32",
            f"multiply-accumulates for one image {macs}{flops}",
        ]
        if self.activation_bytes is not None:
            lines.append(f"activations of one image {self.activation_bytes / 1e6:,.1f} MB")
        return "\n".join(lines)


def _size(shape: Shape) -> str:
    return " x ".join("?" if side is None else str(side) for side in shape)


def summarize(model: str | keras.Model) -> Summary:
    """Returns the costs of an architecture or of any functional Keras model.

    Args:
        model: a name of the registry (no model is built then), or a functional model without nested
            models.

    Raises:
        UsageError: the model is not functional, or a layer is used more than once.
    """
    if isinstance(model, str):
        variant = model_info(model)
        return _summary(variant.name, variant.input_shape, plan(variant, Request()))
    return _summary(model.name, tuple(model.inputs[0].shape[1:]), plan_of(model))


def plan_of(model: keras.Model) -> Plan:
    """Returns the plan of a built functional model.

    A layer whose class is not in `RULES` counts with its weights and no multiply-accumulates.

    Raises:
        UsageError: the model is not functional, or a layer is used more than once.
    """
    network_plan = Plan()
    planned: dict[int, Planned] = {}  # by the id of the Keras tensor
    try:
        for layer in model.layers:
            outputs = keras.tree.flatten(layer.output)
            kind = type(layer).__name__
            if kind == "InputLayer":
                planned[id(outputs[0])] = Planned(tuple(outputs[0].shape), network_plan, layer.name)
                continue
            inputs = tuple(planned[id(tensor)] for tensor in keras.tree.flatten(layer.input))
            config = layer.get_config()
            if kind in RULES:
                cost = layer_cost(kind, [tensor.shape for tensor in inputs], config)
            else:
                weights = sum(math.prod(weight.shape) for weight in layer.weights)
                cost = Cost(tuple(outputs[0].shape), weights)
            network_plan.entries[layer.name] = Entry(layer.name, kind, config, inputs, cost)
            planned[id(outputs[0])] = Planned(cost.shape, network_plan, layer.name)
        for output in model.outputs:
            planned[id(output)]
    except (AttributeError, ValueError, KeyError) as error:
        raise UsageError(
            f"{model.name!r} cannot be summarized: use a functional model in which every layer is "
            "called once and has one output"
        ) from error
    return network_plan


def receptive_fields(network_plan: Plan) -> dict[str, tuple[int, int] | None]:
    """Returns for each layer the size of the image patch that one output value depends on.

    A window of k values at a distance of j pixels enlarges the patch by (k - 1) * j; strides
    multiply j. Where branches join, the largest patch counts.

    Returns:
        Layer name -> (height, width) in pixels, or None for the whole image.
    """
    fields: dict[str, tuple[int, int] | None] = {}
    distances: dict[str, tuple[float, float]] = {}  # between neighbouring values, in pixels
    for entry in network_plan.entries.values():
        input_fields = [fields.get(tensor.source, (1, 1)) for tensor in entry.inputs]
        patches = [patch for patch in input_fields if patch is not None]
        window, stride = entry.cost.window, entry.cost.stride
        if window is None or len(patches) < len(input_fields):
            fields[entry.name] = None
            continue
        steps = [distances.get(tensor.source, (1, 1)) for tensor in entry.inputs]
        distance = (max(step[0] for step in steps), max(step[1] for step in steps))
        fields[entry.name] = (
            max(patch[0] for patch in patches) + math.ceil((window[0] - 1) * distance[0]),
            max(patch[1] for patch in patches) + math.ceil((window[1] - 1) * distance[1]),
        )
        distances[entry.name] = (distance[0] * stride[0], distance[1] * stride[1])
    return fields


def _summary(name: str, input_shape: Shape, network_plan: Plan) -> Summary:
    fields = receptive_fields(network_plan)
    layers = tuple(
        LayerCost(
            entry.name,
            entry.kind,
            entry.cost.shape[1:],
            entry.cost.trainable,
            entry.cost.macs,
            fields[entry.name],
        )
        for entry in network_plan.entries.values()
    )
    sizes = [product(*layer.shape) for layer in layers]
    activations = None if None in sizes else FLOAT_BYTES * sum(size for size in sizes if size)
    return Summary(
        name,
        input_shape,
        layers,
        network_plan.trainable,
        network_plan.fixed,
        network_plan.macs,
        activations,
    )
