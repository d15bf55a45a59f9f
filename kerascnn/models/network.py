"""Tells which network a model is, and proves it: the plan of the network equals the model."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import Any

from kerascnn.errors import MismatchError, UsageError
from kerascnn.lazy import keras
from kerascnn.models.costs import Entry, Plan
from kerascnn.models.identity import Record, record_of, store
from kerascnn.models.planning import plan_into
from kerascnn.models.registry import model_info
from kerascnn.models.request import Provenance, Request
from kerascnn.models.summary import plan_of

SCALING = "preprocessing"
"""Name of the layer with which a model scales pixels itself; a prefix may stand before it."""
_IMAGE = "image"
_OF_TRAINING = ("_initializer", "_regularizer", "_constraint", "dtype", "trainable")
"""Ends of the names of a layer's settings that change how it is trained, not what it computes."""

_PROVEN: weakref.WeakKeyDictionary[keras.Model, tuple[Record | None, Provenance | None]] = (
    weakref.WeakKeyDictionary()
)
"""The provenance of a model, and the record that it was found with."""


def set_provenance(model: keras.Model, origin: Provenance) -> None:
    """Records how a model was built that this package has just built."""
    store(model, Record(origin.name, origin.arguments))
    _PROVEN[model] = (record_of(model), origin)


def known_provenance(model: keras.Model) -> Provenance | None:
    """Returns how `model` can be built; None if it is no network of the registry."""
    record = record_of(model)
    known = _PROVEN.get(model)
    if known is None or (known[0] is not record and not _same_network(known[0], record)):
        known = _PROVEN[model] = (record, _proven(model, record))
    return known[1]


def _same_network(first: Record | None, second: Record | None) -> bool:
    if first is None or second is None:
        return first is second
    return (first.row, first.arguments) == (second.row, second.arguments)


def _proven(model: keras.Model, record: Record | None) -> Provenance | None:
    if record is None or record.row is None:
        return None
    network = Network.of(model)
    arguments = dict(record.arguments)
    if network is not None and network.equals(record.row, arguments):
        return Provenance(record.row, arguments)
    return None


class Network:
    """The layers of a model, to be compared with plans.

    Attributes:
        layers: name -> class name, settings, names of the inputs and output shape of each layer.
        outputs: the names of the layers that give the model's outputs.
        input_shape: height, width and channels.
    """

    def __init__(self, model: keras.Model, network_plan: Plan) -> None:
        self.entries = dict(network_plan.entries)
        self.outputs = [tensor._keras_history.operation.name for tensor in model.outputs]
        self.input_shape = tuple(model.inputs[0].shape[1:])
        self.input = model.inputs[0]._keras_history.operation.name

    @classmethod
    def of(cls, model: keras.Model) -> Network | None:
        """Returns the layers of a model; None unless it is a flat functional model of one input."""
        if len(getattr(model, "inputs", None) or ()) != 1:
            return None
        try:
            return cls(model, plan_of(model))
        except (UsageError, MismatchError):
            return None

    def equals(self, row: str, arguments: Mapping[str, Any]) -> bool:
        """Returns whether `create_model(row, **arguments)` builds these layers."""
        try:
            variant = model_info(row)
            request = Request.of(dict(arguments))
            network_plan = Plan()
            outputs = plan_into(network_plan, variant, request)
        except (UsageError, MismatchError, TypeError, ValueError):
            return False
        shape = tuple(request.input_shape or variant.input_shape)
        if shape != self.input_shape or self.outputs != [end.source for end in outputs.values()]:
            return False
        own, image = (
            self._without_scaling() if request.include_preprocessing else (self.entries, self.input)
        )
        sources = {self.input: _IMAGE, image: _IMAGE}
        return own.keys() == network_plan.entries.keys() and all(
            _same(entry, own[name], sources) for name, entry in network_plan.entries.items()
        )

    def _without_scaling(self) -> tuple[dict[str, Entry], str]:
        """Returns the layers but that which scales pixels, and its name (or the input's)."""
        for name, entry in self.entries.items():
            sources = [tensor.source for tensor in entry.inputs]
            if name.endswith(SCALING) and entry.kind == "Rescaling" and sources == [self.input]:
                return {key: self.entries[key] for key in self.entries if key != name}, name
        return self.entries, self.input


def _same(planned: Entry, built: Entry, sources: Mapping[str, str]) -> bool:
    """Returns whether two layers compute the same, with inputs of the same names."""
    inputs = [sources.get(tensor.source, tensor.source) for tensor in built.inputs]
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
