"""How a model is built: from its record, or inferred from its layers, and proven in both cases."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import Any

from kerascnn.lazy import keras
from kerascnn.models.identity import Record, record_of, store
from kerascnn.models.infer import infer_network, with_own_head
from kerascnn.models.network import Network
from kerascnn.models.request import Provenance

_Key = tuple[str | None, Mapping[str, Any]] | None

_PROVEN: weakref.WeakKeyDictionary[keras.Model, tuple[_Key, Provenance | None]] = (
    weakref.WeakKeyDictionary()
)
"""The provenance of a model, and the row and arguments of the record that it was proven from."""


def set_provenance(model: keras.Model, origin: Provenance) -> None:
    """Records how a model was built that this package has just built."""
    store(model, Record(origin.name, origin.arguments))
    _PROVEN[model] = (_key(record_of(model)), origin)


def provenance(model: keras.Model) -> Provenance | None:
    """Returns how `model` is built, or None if it is no network of the registry.

    The model may have been saved and loaded, cloned or copied since this package built it. A model
    that was cut or extended is no network of the registry, unless `create_model` builds the same.
    """
    record = record_of(model)
    known = _PROVEN.get(model)
    if known is None or known[0] != _key(record):
        known = _PROVEN[model] = (_key(record), _proven(model, record))
    return known[1]


def _key(record: Record | None) -> _Key:
    return None if record is None else (record.row, record.arguments)


def _proven(model: keras.Model, record: Record | None) -> Provenance | None:
    network = Network.of(model)
    if network is None:
        return None
    if record is None or record.row is None:
        return infer_network(network)
    # The record is that of the whole network, and the model may have another head.
    recorded = dict(record.arguments)
    served = {name: value for name, value in recorded.items() if name != "auxiliary"}
    for arguments in (recorded, served, with_own_head(network, recorded)):
        if network.equals(record.row, arguments):
            return Provenance(record.row, arguments)
    return None
