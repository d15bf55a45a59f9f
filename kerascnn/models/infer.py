"""Finds the row and the arguments of a model without a record, by comparing it with plans.

Names of layers tell the likely rows. From each of them, arguments are changed one at a time as long
as more layers agree with the plan. Only a plan that equals the model counts.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from kerascnn.models.identity import LAYER
from kerascnn.models.network import Network, planned_network, same_layer
from kerascnn.models.registry import list_models, model_info
from kerascnn.models.request import Provenance

CANDIDATES = 6
"""Rows that are tried: those whose layers' names are most like the model's."""
PLANNED_LAYERS = 600_000
"""Layers that all plans of a search may have; so many take about 15 seconds."""
_CLASSIFIER = "predictions"
_POOLINGS = {
    "GlobalAveragePooling2D": "avg",
    "GlobalMaxPooling2D": "max",
    "Flatten": "flatten",
}
_WIDTHS = (0.125, 0.25, 0.35, 0.5, 0.75, 1.25, 1.3, 1.4, 1.5, 2.0, 3.0, 4.0)
_DEPTHS = (0.25, 0.5, 0.75, 1.25, 1.5, 2.0, 3.0)


def with_own_head(network: Network, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the arguments with those of the head as the model has it: classes, pooling …"""
    head = ("include_top", "pooling", "classes", "classifier_activation", "auxiliary")
    own = {name: value for name, value in arguments.items() if name not in head}
    names = [name for name in network.outputs if name.endswith(_CLASSIFIER)]
    if not names:
        end = network.entries.get(network.outputs[0])
        pooling = None if end is None else _POOLINGS.get(end.kind)
        return {**own, "include_top": False, **({"pooling": pooling} if pooling else {})}
    if len(network.outputs) > 1:
        own["auxiliary"] = True
    entry = network.entries[names[0]]
    activation = entry.config.get("activation")
    own["classes"] = entry.cost.shape[-1]
    if activation != "softmax":
        own["classifier_activation"] = None if activation == "linear" else activation
    return own


def infer_network(network: Network) -> Provenance | None:
    """Returns how `create_model` builds the layers of a model; None if it builds no such model.

    Of several rows that build the same layers, the first in the registry is taken.
    """
    ends = [name for name in network.outputs if name.endswith((_CLASSIFIER, LAYER, "pool"))]
    if not ends or _features_layer(network) is None:
        return None
    searches = [_Search(network, row) for row in _similar_rows(network)]
    for search in searches:  # most models are of a row as it is, but for the head
        arguments = search.shortest(search.start)
        if arguments is not None:
            return Provenance(search.row, arguments)
    for search in searches:
        arguments = search.result()
        if arguments is not None:
            return Provenance(search.row, arguments)
    return None


def _features_layer(network: Network) -> str | None:
    """Returns the name of the layer at the end of the body of our networks, None without one."""
    for name, entry in network.entries.items():
        if name.endswith(LAYER) and entry.kind == "Identity":
            return name
    return None


@functools.cache
def _layers_of(row: str, include_top: bool) -> frozenset[Any]:
    """Returns names, class names and numbers of channels of a row's layers."""
    planned = planned_network(row, {"include_top": include_top})
    return frozenset() if planned is None else _described(planned[0], "")


def _described(entries: Mapping[str, Any], prefix: str) -> frozenset[Any]:
    """Returns what the layers of similar networks have in common."""
    described = [
        (name.removeprefix(prefix), entry.kind, entry.cost.shape[-1])
        for name, entry in entries.items()
    ]
    return frozenset([*described, *((name, kind) for name, kind, _ in described)])


def _similar_rows(network: Network) -> list[str]:
    include_top = any(name.endswith(_CLASSIFIER) for name in network.outputs)
    own = _described(network.entries, _prefix(network))

    def rank(row: str) -> tuple[float, bool]:
        planned = _layers_of(row, include_top)
        # Without its head, a network for segmentation is the classifier that it is based on.
        return -len(own & planned) / len(own | planned), model_info(row).skips

    return sorted((row for row in list_models() if rank(row)[0]), key=rank)[:CANDIDATES]


def _prefix(network: Network) -> str:
    return (_features_layer(network) or LAYER).removesuffix(LAYER)


class _Search:
    """The search for the arguments of one row."""

    def __init__(self, network: Network, row: str) -> None:
        self.network, self.row, self.budget = network, row, PLANNED_LAYERS // CANDIDATES
        self.variant = model_info(row)
        settings = [
            value
            for entry in network.entries.values()
            for value in (*entry.config.values(), entry.cost.shape[-1])
        ]
        flat = [item for value in settings for item in _flat(value)]
        self.whole = sorted({item for item in flat if type(item) is int and 0 < item < 10_000})
        self.real = sorted({item for item in flat if type(item) is float})
        prefix = _prefix(network)
        self.start = with_own_head(network, {"prefix": prefix} if prefix else {})
        image = network.input
        for name in network.entries:
            if network.is_scaling(name):
                self.start["include_preprocessing"], image = True, name
        if network.shape(image) != self.variant.input_shape:
            self.start["input_shape"] = network.shape(image)

    def result(self) -> dict[str, Any] | None:
        """Returns the arguments; None without success."""
        arguments, differing = self.start, self._differing(self.start)
        while differing:
            best, change = differing, None
            for candidate in self._changes(arguments):
                left = self._differing({**arguments, **candidate})
                if left < best:
                    best, change = left, candidate
                if best == 0:
                    break
            if change is None:
                return None
            differing, arguments = best, {**arguments, **change}
        return self.shortest(arguments)

    def shortest(self, arguments: dict[str, Any]) -> dict[str, Any] | None:
        """Returns the arguments but those that the row has itself; None if they do not fit."""
        if not self.network.equals(self.row, arguments):
            return None
        for name in list(arguments):
            fewer = {key: value for key, value in arguments.items() if key != name}
            if self.network.equals(self.row, fewer):
                arguments = fewer
        return arguments

    def _differing(self, arguments: dict[str, Any]) -> float:
        """Returns how many layers of the plan and of the model differ."""
        if self.budget <= 0:
            return float("inf")
        planned = planned_network(self.row, arguments)
        if planned is None:
            self.budget -= 10
            return float("inf")
        entries = planned[0]
        self.budget -= len(entries)
        own = self.network.entries
        image = self.network.image_of(entries) or self.network.input
        before = self.network.before(image)
        same = sum(
            (name in own) * (1 + same_layer(entry, own[name], image))
            for name, entry in entries.items()
            if name in own
        )
        return len(entries) + len(own.keys() | entries.keys()) - len(before - entries.keys()) - same

    def _changes(self, arguments: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Yields single changes of the arguments that may make more layers agree."""
        for width in _WIDTHS:
            yield {"width": width}
        for depth in _DEPTHS:
            yield {"depth": depth}
        if self.variant.small_stem:
            yield {"stem": "small"}
        for size in (1, 3, 5, 7, 9, 11):
            yield {"kernel_size": size}
        for rate in (0.0, *(value for value in self.real if value < 1)):
            yield {"dropout": rate}
        columns = {**self.variant.own_columns}
        columns |= {name: value for name, value in arguments.items() if name in columns}
        for values in (self._known_values, self._seen_values, self._changed_tuples):
            for name, value in columns.items():
                for other in values(name, value):
                    if other != value or type(other) is not type(value):
                        yield {name: other}

    def _known_values(self, column: str, value: Any) -> Iterator[Any]:
        """Yields the other values that a column has in the rows of the family."""
        if isinstance(value, bool):
            yield not value
        yield from _values_of_rows(self.variant.family, column)

    def _seen_values(self, column: str, value: Any) -> Iterator[Any]:
        """Yields the numbers of the model that a column may stand for."""
        if value is None or type(value) is int:
            yield from self.whole
        elif isinstance(value, float):
            yield from self.real

    def _changed_tuples(self, column: str, value: Any) -> Iterator[Any]:
        """Yields a tuple of numbers with one of them changed."""
        if isinstance(value, tuple) and all(type(item) is int for item in value):
            for place, item in enumerate(value):
                near = {item - 1, item + 1, item - 4, item + 4, item // 2, item * 2}
                for other in sorted({*near, *self.whole}):
                    if other > 0:
                        yield (*value[:place], other, *value[place + 1 :])


@functools.cache
def _values_of_rows(family: str, column: str) -> tuple[Any, ...]:
    values: list[Any] = []
    for name in list_models(family=family):
        row = model_info(name).row
        if column in [field.name for field in fields(row)]:
            value = getattr(row, column)
            if value not in values:
                values.append(value)
    return tuple(values)


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, list | tuple):
        for item in value:
            yield from _flat(item)
    else:
        yield value
