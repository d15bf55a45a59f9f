"""Compares a model with the plan of a network: the proof that the model is that network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kerascnn.errors import MismatchError, UsageError
from kerascnn.lazy import keras
from kerascnn.models.costs import Entry, Plan
from kerascnn.models.planning import plan_into
from kerascnn.models.registry import model_info
from kerascnn.models.request import Request
from kerascnn.models.summary import plan_of

SCALING = "preprocessing"
"""Name of the layer with which a model scales pixels itself; a prefix may stand before it."""
_IMAGE = "image"
"""The source of a plan's first layers."""
_OF_TRAINING = ("_initializer", "_regularizer", "_constraint", "dtype", "trainable")
"""Ends of the names of a layer's settings that change how it is trained, not what it computes."""


class Network:
    """The layers of a flat functional model with one input, to be compared with plans.

    Attributes:
        entries: the layers by name: class name, settings, inputs and output shape.
        outputs: the sorted names of the layers that give the model's outputs.
        input: the name of the input layer.
        input_shape: height, width and channels.
    """

    def __init__(self, model: keras.Model) -> None:
        """Reads the layers; raises UsageError unless the model is flat and has one input."""
        self.entries = dict(plan_of(model).entries)
        if len(model.inputs) != 1:
            raise UsageError(f"{model.name!r} has {len(model.inputs)} inputs")
        self.outputs = sorted(tensor._keras_history.operation.name for tensor in model.outputs)
        self.input = model.inputs[0]._keras_history.operation.name
        self.input_shape = tuple(model.inputs[0].shape[1:])

    @classmethod
    def of(cls, model: keras.Model) -> Network | None:
        """Returns the layers of a model, or None for a model that is not flat."""
        try:
            return cls(model)
        except (UsageError, MismatchError, AttributeError):
            return None

    def equals(self, row: str, arguments: Mapping[str, Any]) -> bool:
        """Returns whether `create_model(row, **arguments)` builds these layers.

        Layers may stand before it: those of an `input_tensor`.
        """
        planned = planned_network(row, arguments)
        if planned is None:
            return False
        entries, outputs, shape, scales = planned
        image = self.image_of(entries)
        if image is None or self.outputs != sorted(outputs) or self.shape(image) != shape:
            return False
        before = self.before(image)
        if self.is_scaling(image) != scales or len(self.entries) - len(before) != len(entries):
            return False
        return all(
            name in self.entries and same_layer(entry, self.entries[name], image)
            for name, entry in entries.items()
        )

    def image_of(self, planned: Mapping[str, Entry]) -> str | None:
        """Returns the layer, or the input, that stands for the image of a plan's layers.

        None if the layers that read the image read different ones here, or are not in the model.
        """
        sources: set[str | None] = set()
        for name, entry in planned.items():
            for position, tensor in enumerate(entry.inputs):
                if tensor.source == _IMAGE:
                    own = self.entries.get(name)
                    fits = own is not None and len(own.inputs) == len(entry.inputs)
                    sources.add(own.inputs[position].source if own and fits else None)
        return sources.pop() if len(sources) == 1 else None

    def shape(self, name: str) -> tuple[int | None, ...]:
        """Returns the shape of a layer's output, or of the input, without the batch axis."""
        return self.input_shape if name == self.input else self.entries[name].cost.shape[1:]

    def is_scaling(self, name: str) -> bool:
        """Returns whether a layer is that with which a model scales pixels itself."""
        return (
            name.endswith(SCALING)
            and name in self.entries
            and (self.entries[name].kind == "Rescaling")
        )

    def before(self, name: str) -> set[str]:
        """Returns the names of the layers that a layer's output depends on, its own included."""
        seen: set[str] = set()
        waiting = [name]
        while waiting:
            current = waiting.pop()
            if current in self.entries and current not in seen:
                seen.add(current)
                waiting += [tensor.source for tensor in self.entries[current].inputs]
        return seen


def planned_network(
    row: str, arguments: Mapping[str, Any]
) -> tuple[dict[str, Entry], list[str], tuple[int | None, ...], bool] | None:
    """Plans the network of `create_model(row, **arguments)`.

    Returns:
        Its layers by name, the names of its outputs, its input shape, and whether it scales pixels;
        None if the arguments are wrong.
    """
    network_plan = Plan()
    try:
        variant, request = model_info(row), Request.of(dict(arguments))
        outputs = plan_into(network_plan, variant, request)
    except (UsageError, MismatchError, TypeError, ValueError, AttributeError, IndexError):
        return None
    shape = tuple(request.input_shape or variant.input_shape)
    ends = [tensor.source for tensor in outputs.values()]
    return network_plan.entries, ends, shape, request.include_preprocessing


def same_layer(planned: Entry, built: Entry, image: str) -> bool:
    """Returns whether two layers compute the same, with inputs of the same names.

    Args:
        planned: of a plan.
        built: of a model.
        image: the name of the model's layer that stands for the plan's image.
    """
    inputs = [_IMAGE if tensor.source == image else tensor.source for tensor in built.inputs]
    return (
        planned.kind == built.kind
        and planned.cost.shape == built.cost.shape
        and [tensor.source for tensor in planned.inputs] == inputs
        and all(
            _equal(value, built.config.get(key))
            for key, value in planned.config.items()
            if not key.endswith(_OF_TRAINING)
        )
    )


def _equal(planned: Any, built: Any) -> bool:
    """Returns whether two settings are the same; one number stands for each of several."""
    if isinstance(built, list | tuple) and isinstance(planned, list | tuple):
        return len(built) == len(planned) and all(map(_equal, planned, built))
    if isinstance(built, list | tuple):
        return all(_equal(planned, item) for item in built)
    if isinstance(planned, str) and isinstance(built, str) and planned != built:
        return _same_function(planned, built)
    if planned is None or isinstance(planned, bool | int | float | str):
        return bool(planned == built) or (planned is None and built == "linear")
    return True  # an object; its class is not compared


def _same_function(first: str, second: str) -> bool:
    """Returns whether two names are of the same activation, as "swish" and "silu" are."""
    try:
        return keras.activations.get(first) is keras.activations.get(second)
    except ValueError:
        return False
