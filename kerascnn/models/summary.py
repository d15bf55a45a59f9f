"""What a network costs, layer by layer: the table that a lecture on CNNs draws by hand."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from kerascnn.errors import UsageError
from kerascnn.lazy import keras
from kerascnn.models.costs import RULES, Cost, Entry, Plan, Planned, Shape, layer_cost
from kerascnn.models.planning import plan
from kerascnn.models.registry import model_info
from kerascnn.models.request import Request
from kerascnn.text_table import text_table

FLOAT_BYTES = 4


@dataclass(frozen=True)
class LayerCost:
    """One layer of a summary.

    `shape` is the output's without the batch; `receptive_field` (height, width) in pixels of the
    image that one output value sees, None for the whole image or where it cannot be said.
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

    `params` are trainable parameters; `fixed` are those that no gradient moves; `macs` are
    multiply-accumulates for one image (FLOPs = 2 x MACs), None where the image size is open.
    `activation_bytes` holds every layer's output of one image in float32.
    """

    name: str
    input_shape: Shape
    layers: tuple[LayerCost, ...]
    params: int
    fixed: int
    macs: int | None
    activation_bytes: int | None

    def to_json(self) -> dict[str, Any]:
        """Returns the summary as plain lists, dicts and numbers."""
        return asdict(self)

    def table(self) -> str:
        """Returns the table as text, a line a layer, with the totals below."""
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
        model: a name of the registry (then nothing is built), or a flat functional model.

    Raises:
        UsageError: the model is not functional, or a layer is used more than once.
    """
    if isinstance(model, str):
        variant = model_info(model)
        return _summary(variant.name, variant.input_shape, plan(variant, Request()))
    return _summary(model.name, tuple(model.inputs[0].shape[1:]), plan_of(model))


def plan_of(model: keras.Model) -> Plan:
    """Returns the ledger of a built functional model.

    A layer that `RULES` does not know costs its weights and no multiply-accumulates.

    Raises:
        UsageError: the model is not functional, or a layer is used more than once.
    """
    ledger = Plan()
    made: dict[int, Planned] = {}
    try:
        for layer in model.layers:
            outputs = _listed(layer.output)
            kind = type(layer).__name__
            if kind == "InputLayer":
                made[id(outputs[0])] = Planned(tuple(outputs[0].shape), ledger, layer.name)
                continue
            inputs = tuple(made[id(one)] for one in _listed(layer.input))
            config = layer.get_config()
            if kind in RULES:
                cost = layer_cost(kind, [one.shape for one in inputs], config)
            else:
                cost = Cost(tuple(outputs[0].shape), _count(layer.weights))
            ledger.entries[layer.name] = Entry(layer.name, kind, config, inputs, cost)
            made[id(outputs[0])] = Planned(cost.shape, ledger, layer.name)
        for output in model.outputs:
            made[id(output)]
    except (AttributeError, ValueError, KeyError) as error:
        raise UsageError(
            f"{model.name!r} cannot be summarized: take a functional model of which every layer is "
            "used once and has one output"
        ) from error
    return ledger


def _listed(tensors: Any) -> list[Any]:
    return list(tensors) if isinstance(tensors, list | tuple) else [tensors]


def _count(weights: Any) -> int:
    total = 0
    for weight in weights:
        size = 1
        for side in weight.shape:
            size *= side
        total += size
    return total


def receptive_fields(ledger: Plan) -> dict[str, tuple[int, int] | None]:
    """Returns for each layer the height and width of the image patch that one output value sees.

    A window of k values that are j pixels apart widens the patch by (k - 1) * j; strides multiply
    j. Where branches meet, the widest counts. None means the whole image.
    """
    sees: dict[str, tuple[int, int] | None] = {}
    steps: dict[str, tuple[float, float]] = {}
    for entry in ledger.entries.values():
        seen = [sees.get(one.source, (1, 1)) for one in entry.inputs]
        patches = [patch for patch in seen if patch is not None]
        window, stride = entry.cost.window, entry.cost.stride
        if window is None or len(patches) < len(seen):
            sees[entry.name] = None
            continue
        apart = [steps.get(one.source, (1, 1)) for one in entry.inputs]
        jump = (max(one[0] for one in apart), max(one[1] for one in apart))
        sees[entry.name] = (
            max(patch[0] for patch in patches) + math.ceil((window[0] - 1) * jump[0]),
            max(patch[1] for patch in patches) + math.ceil((window[1] - 1) * jump[1]),
        )
        steps[entry.name] = (jump[0] * stride[0], jump[1] * stride[1])
    return sees


def _summary(name: str, input_shape: Shape, ledger: Plan) -> Summary:
    fields = receptive_fields(ledger)
    layers = tuple(
        LayerCost(
            entry.name,
            entry.kind,
            entry.cost.shape[1:],
            entry.cost.trainable,
            entry.cost.macs,
            fields[entry.name],
        )
        for entry in ledger.entries.values()
    )
    sizes = [_volume(layer.shape) for layer in layers]
    activations = None if None in sizes else FLOAT_BYTES * sum(size for size in sizes if size)
    return Summary(
        name, input_shape, layers, ledger.trainable, ledger.fixed, ledger.macs, activations
    )


def _volume(shape: Shape) -> int | None:
    total = 1
    for side in shape:
        if side is None:
            return None
        total *= side
    return total
