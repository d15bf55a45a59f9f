"""The record of a model: its network, and the preprocessing and class names of its weights.

The layer at the end of a network's body carries it (`kerascnn.layers.Identity`), so that a model
keeps it when it is saved, loaded, cloned or extended. A model without such a layer has it as an
attribute, as long as it lives.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kerascnn.errors import UsageError
from kerascnn.imaging.preprocessing import Preprocessing
from kerascnn.lazy import keras

LAYER = "features"
"""Name of the layer with the record; a prefix may stand before it."""
RECORD = "kerascnn"
"""Key of the record among the values with which a saved layer is built again."""
_ATTRIBUTE = "kerascnn_record"
ROW, WEIGHTS, TRAINING, UNKNOWN = "row", "weights", "training", "unknown"
_KINDS = (ROW, WEIGHTS, TRAINING, UNKNOWN)


@dataclass(frozen=True)
class Record:
    """What is known of a network and of its weights.

    Attributes:
        row: the name in the registry; None for a network that is not of the registry.
        arguments: those of the builder that differ from the defaults.
        preprocessing_of: how images are prepared. "row": as the row says, for weights that this
            package has initialised. "weights": by `preprocessing`, which is adapted to the size of
            the images. "training": by `preprocessing` as it is. "unknown": the weights came from a
            file that does not say it.
        preprocessing: for "weights" and "training", else None.
        class_names: None if they are not known.
        classifier: name of the layer that gives the scores of these classes.
        input: for "training", name of the input layer that takes the prepared images.
    """

    row: str | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    preprocessing_of: str = ROW
    preprocessing: Preprocessing | None = None
    class_names: tuple[str, ...] | None = None
    classifier: str | None = None
    input: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Returns the record as JSON types.

        Raises:
            TypeError: an argument is neither a number, a text, None nor a list of these.
        """
        names, preprocessing = self.class_names, self.preprocessing
        return {
            "row": self.row,
            "arguments": {name: _plain(value) for name, value in self.arguments.items()},
            "preprocessing_of": self.preprocessing_of,
            "preprocessing": None if preprocessing is None else preprocessing.to_json(),
            "class_names": None if names is None else list(names),
            "classifier": self.classifier,
            "input": self.input,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Record:
        """Returns the record that `to_json` was called on.

        A part that is damaged, or that another version has written, is left out: the network is
        then recognised by its layers, and the preprocessing counts as unknown.
        """
        row, arguments = values.get("row"), values.get("arguments")
        if not isinstance(row, str) or not isinstance(arguments, Mapping):
            row, arguments = None, {}
        try:
            arguments = {str(name): _tuples(value) for name, value in arguments.items()}
        except TypeError:
            row, arguments = None, {}
        stored = values.get("preprocessing")
        kind = values.get("preprocessing_of", ROW if stored is None else WEIGHTS)
        preprocessing = None
        if kind in (WEIGHTS, TRAINING):
            try:
                preprocessing = Preprocessing.from_json(stored or {})
            except (UsageError, TypeError):
                kind = UNKNOWN
        names: Any = values.get("class_names")
        classifier, input_layer = values.get("classifier"), values.get("input")
        known = isinstance(names, list) and all(isinstance(name, str) for name in names)
        return cls(
            row,
            arguments,
            kind if kind in _KINDS else UNKNOWN,
            preprocessing,
            tuple(names) if names is not None and known else None,
            classifier if isinstance(classifier, str) else None,
            input_layer if isinstance(input_layer, str) else None,
        )


def _plain(value: Any) -> Any:
    """Returns an argument as JSON types."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    raise TypeError(f"{value!r} is neither a number, a text nor a list of these")


def _tuples(value: Any) -> Any:
    """Returns an argument with tuples, as the rows have, instead of JSON's lists."""
    return tuple(map(_tuples, value)) if isinstance(value, list | tuple) else _plain(value)


def carriers(model: keras.Model) -> list[Any]:
    """Returns the layers of a model, and of the models inside it, that can carry a record."""
    own_class = importlib.import_module("kerascnn.layers").Identity
    layers: list[Any] = []
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            layers += carriers(layer)
        elif isinstance(layer, own_class):
            layers.append(layer)
    return layers


def record_of(model: keras.Model) -> Record | None:
    """Returns the record of a model; None without one, or if its networks have different ones."""
    record = getattr(model, _ATTRIBUTE, None)
    if isinstance(record, Record):
        return record
    records = [layer.record for layer in carriers(model) if layer.record is not None]
    if not records or any(record != records[0] for record in records):
        return None
    return Record.from_json(records[0])


def layer_prefix(model: keras.Model) -> str:
    """Returns what stands before the names of the network's layers: `prefix` of `create_model`."""
    record = record_of(model)
    return "" if record is None else str(record.arguments.get("prefix", ""))


def store(model: keras.Model, record: Record) -> None:
    """Stores the record of a model, in the layer that carries it if there is one.

    In a model that an earlier version saved, Keras's own layer becomes one that carries a record.
    """
    layers = importlib.import_module("kerascnn.layers.identity")
    homes = carriers(model)
    if not homes:
        plain = [layer for layer in model.layers if type(layer) is keras.layers.Identity]
        homes = [layer for layer in plain if layer.name.endswith(LAYER)]
        for layer in homes:
            object.__setattr__(layer, "__class__", layers.Identity)
    try:
        values = record.to_json()
    except TypeError:  # an argument that a file cannot hold
        homes = []
    if len(homes) == 1:
        layers.keep_record(homes[0], values)
    else:
        setattr(model, _ATTRIBUTE, record)
