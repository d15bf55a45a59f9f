"""Infers a builder's arguments from the names and shapes of a file's tensors.

Each guess is proved: the network is planned with it, and its tensors are compared with the file's.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from kerascnn.errors import KerasCNNError
from kerascnn.models.planning import plan
from kerascnn.models.registry import Variant, model_info
from kerascnn.models.request import Request
from kerascnn.weights import axis_order
from kerascnn.weights.argument_values import CHOICES, DEPTHS, SIDES, WIDTHS
from kerascnn.weights.expected_shapes import Expected, expected
from kerascnn.weights.formats.tensor_table import StoredTensor
from kerascnn.weights.match_names import KERAS_STYLE, Match, find_source, own_names
from kerascnn.weights.name_maps import layouts
from kerascnn.weights.name_maps.layout import OURS
from kerascnn.weights.target_model import AUXILIARY, CLASSIFIERS

BLOCK = re.compile(r"[a-z]+(\d+)_(?:cell)?(\d+)_")
"""Names of our layers in blocks: stage and number of the block."""
MANY = 50
"""Blocks of a stage with which the blocks of a file are counted."""
REPEATS = ("repeats", "layers")
"""Columns with the number of blocks of each stage."""
ENOUGH = 0.8
"""Smallest fraction of agreeing tensors for which a width is tried with other sizes of images."""
LEAST = 0.1
"""Smallest fraction of agreeing names for which a row is compared further."""
PASSES = 2
"""How often all numbers of channels are computed; some depend on others."""
SHARE_OUTSIDE = 0.5
"""Tensors beside the network, in proportion to its own, above which they count as differences."""
Shape = tuple[int, ...]
SCALING = re.compile(r"normalization(_\d+)?/")
"""Tensors of the layer that scales pixels in Keras's EfficientNet."""


@dataclass(frozen=True)
class Fit:
    """How the tensors of a network agree with those of a file.

    Args:
        request: the arguments of the network.
        source: the naming of the file's tensors.
        named: fraction of all tensors, of the network and of the file, that agree in name.
        fraction: fraction of them that agree in name and shape.
        exact: whether all agree.
    """

    request: Request
    source: str
    named: float
    fraction: float
    exact: bool


class _Search:
    """The search for the arguments with which a row fits a file.

    Args:
        tensors: the file's tensors by name.
        variant: the record of the row.
        source: the naming of the file's tensors.
    """

    def __init__(self, tensors: Mapping[str, StoredTensor], variant: Variant, source: str) -> None:
        self.tensors, self.variant, self.source = tensors, variant, source
        self.known: dict[str, tuple[Fit, dict[str, Expected], Match] | None] = {}

    def network(self, request: Request) -> tuple[Fit, dict[str, Expected], Match] | None:
        """Returns how a network fits, its layers and their tensors; None if there is none."""
        key = repr(request)
        if key not in self.known:
            self.known[key] = self._network(request)
        return self.known[key]

    def _network(self, request: Request) -> tuple[Fit, dict[str, Expected], Match] | None:
        try:
            default = request == Request()
            layers = (
                _default_layers(self.variant.name)
                if default
                else expected(plan(self.variant, request))
            )
        except (KerasCNNError, ValueError, TypeError, ArithmeticError, LookupError):
            return None  # arguments that build no network
        match = find_source(self.tensors, layers, self.variant.family, self.source)
        if match is None:
            return None
        agreeing = sum(not self._differs(layers, name, key) for name, key in match.keys.items())
        left = [key for key in match.unexpected if not _is_ignored(key)]
        if len(match.outside) > SHARE_OUTSIDE * len(match.keys):
            left += match.outside  # more than a loss or a metric beside the network
        total = len(match.keys) + len(match.missing) + len(left)
        exact = bool(total) and agreeing == total
        named, fraction = len(match.keys) / max(total, 1), agreeing / max(total, 1)
        return Fit(request, self.source, named, fraction, exact), layers, match

    def _differs(self, layers: Mapping[str, Expected], name: str, key: str) -> bool:
        layer_name, _, variable = name.rpartition("/")
        layer = layers[layer_name]
        shape, stored = layer.variables[variable], self.tensors[key].shape
        return not axis_order.fits(stored, layer.kind, variable, shape, self.style, layer.flattened)

    @property
    def style(self) -> str:
        """The order of axes of the file's tensors: "torch" or "keras"."""
        return "keras" if self.source in KERAS_STYLE else "torch"

    def fit(self, request: Request) -> Fit:
        """Returns how a network fits; a fit of nothing if the arguments build no network."""
        known = self.network(request)
        return Fit(request, self.source, 0.0, 0.0, exact=False) if known is None else known[0]

    def best(self, fit: Fit, requests: Iterable[Request]) -> Fit:
        """Returns the best of a fit and those of other arguments; the first of equal ones."""
        for request in requests:
            if fit.exact:
                break
            other = self.fit(request)
            if (other.fraction, other.named) > (fit.fraction, fit.named):
                fit = other
        return fit

    def stored(self, name: str, known: tuple[Fit, dict[str, Expected], Match]) -> Shape | None:
        """Returns the shape of a variable's tensor in our order of axes; None if unknown."""
        _, layers, match = known
        layer, _, variable = name.rpartition("/")
        if name not in match.keys:
            return None
        shape, ours = self.tensors[match.keys[name]].shape, layers[layer].variables[variable]
        if len(shape) != len(ours):
            return None
        if self.style == "keras" or len(shape) not in (2, 4):
            return shape
        if len(shape) == 2:
            return shape[::-1]
        if layers[layer].kind == "DepthwiseConv2D":
            return (*shape[2:], shape[0] // max(ours[3], 1), ours[3])
        return (*shape[2:], shape[1], shape[0])

    def with_ends(self, fit: Fit) -> Fit:
        """Returns a fit with the head, the classes and the image channels of the file."""
        known = self.network(fit.request)
        if known is None:
            return fit
        _, layers, match = known
        request = fit.request
        head = [name for name in layers if name == CLASSIFIERS[0]]
        if request.include_top and head and f"{head[0]}/kernel" not in match.keys:
            request = replace(request, include_top=False)
        kernel = self.stored(f"{CLASSIFIERS[0]}/kernel", known)
        if kernel is not None and kernel[-1] != layers[CLASSIFIERS[0]].variables["kernel"][-1]:
            request = replace(request, classes=kernel[-1])
        first = next((name for name, layer in layers.items() if layer.kind == "Conv2D"), None)
        kernel = None if first is None else self.stored(f"{first}/kernel", known)
        if first is not None and kernel is not None:
            groups = self.variant.input_shape[2] // layers[first].variables["kernel"][2]
            channels = kernel[2] * max(groups, 1)
            if channels != self.variant.input_shape[2]:
                size = (request.input_shape or self.variant.input_shape)[:2]
                request = replace(request, input_shape=(*size, channels))
        fit = self.best(fit, [request])
        if head or fit.exact:
            return fit
        classes = request.classes or self.variant.classes
        return self._solved(fit, classes, lambda number: replace(fit.request, classes=number))

    def improved(self, fit: Fit) -> Fit:
        """Returns the best fit that other arguments give."""
        whole = (self.blocks, self.choices, self.depths, self.widths)
        single = (self.numbers, self.choices, self.numbers, self.sides)
        fit = start = self._after(fit, whole)
        fit = self._after(fit, single)
        if not fit.exact:
            fit = self.best(fit, [self.ratios(start).request])
        columns = {
            name: value
            for name, value in fit.request.columns.items()
            if value != self.variant.own_columns.get(name)
        }
        return replace(fit, request=replace(fit.request, columns=columns))

    def _after(self, fit: Fit, steps: Iterable[Callable[[Fit], Fit]]) -> Fit:
        for improve in steps:
            fit = fit if fit.exact else self.with_ends(improve(fit))
        return fit

    def blocks(self, fit: Fit) -> Fit:
        """Returns a fit with the number of blocks of each stage."""
        columns = self.variant.columns(fit.request.columns)
        name = next((name for name in REPEATS if hasattr(columns, name)), None)
        if name is not None:
            many = (MANY,) * len(getattr(columns, name))
            known = self.network(_with(fit.request, **{name: many}))
            if known is not None:
                counts: dict[int, int] = {}
                for variable in known[2].keys:
                    if block := BLOCK.match(variable):
                        stage = int(block[1])
                        counts[stage] = max(counts.get(stage, 0), int(block[2]))
                repeats = tuple(counts[stage] for stage in sorted(counts))
                if len(repeats) == len(many) and repeats != getattr(columns, name):
                    other = self.fit(_with(fit.request, **{name: repeats}))
                    fit = other if other.named > fit.named else fit
        return fit

    def depths(self, fit: Fit) -> Fit:
        """Returns a fit with another depth."""
        depths = (replace(fit.request, depth=depth) for depth in DEPTHS)
        return fit if fit.named == 1 else self.best(fit, depths)

    def choices(self, fit: Fit) -> Fit:
        """Returns a fit with other values of the arguments that select between networks."""
        own = {**vars(fit.request), **self.variant.own_columns}
        for name, values in CHOICES.items():
            if name not in own or not _is_scalar(own[name]):
                continue
            requests = [_with(fit.request, **{name: value}) for value in values]
            if name == "groups" and "group_width" in own:
                requests = [
                    self._number(self.fit(at), "group_width", 0).request
                    for at in requests
                    if self.network(at)
                ]
            fit = self.best(fit, requests)
        return fit

    def widths(self, fit: Fit) -> Fit:
        """Returns a fit with a usual width, if that explains every difference."""
        return self._with_width(fit, WIDTHS)

    def ratios(self, fit: Fit) -> Fit:
        """Returns a fit with the width that the channels of a layer show."""
        known = self.network(fit.request)
        if known is None:
            return fit
        ratios: dict[float, None] = {}
        for name, layer in known[1].items():
            stored = self.stored(f"{name}/kernel", known)
            if stored is not None and layer.kind == "Conv2D":
                ratios[round(stored[-1] / layer.variables["kernel"][-1], 4)] = None
        return self._with_width(fit, list(ratios)[:: max(len(ratios) // 6, 1)])

    def _with_width(self, fit: Fit, widths: Iterable[float]) -> Fit:
        for width in widths:
            if width <= 0:
                continue
            other = self.with_ends(self.fit(replace(fit.request, width=width)))
            if not other.exact and other.fraction > ENOUGH:
                other = self.sides(other)
            if other.exact:
                return other
        return fit

    def numbers(self, fit: Fit) -> Fit:
        """Returns a fit with the numbers of channels that the shapes of the file show.

        Two numbers may change the same shape: each is tried first.
        """
        columns = list(self.variant.own_columns.items())
        forward = self._numbers(fit, columns)
        if forward.exact:
            return forward
        backward = self._numbers(fit, columns[::-1])
        return backward if backward.fraction > forward.fraction else forward

    def _numbers(self, fit: Fit, columns: list[tuple[str, Any]]) -> Fit:
        for _ in range(PASSES):
            for name, value in columns:
                if name in REPEATS or (name in CHOICES and name != "groups"):
                    continue
                count = len(value) if isinstance(value, tuple) else 1
                for index in range(count):
                    fit = self._number(fit, name, index)
                    if fit.exact:
                        return fit
        return fit

    def _number(self, fit: Fit, name: str, index: int) -> Fit:
        """Returns a fit with another value of a column, or of an entry of a tuple."""
        columns = self.variant.columns(fit.request.columns)
        value = getattr(columns, name)
        old = value[index] if isinstance(value, tuple) else value
        if not isinstance(old, int) or isinstance(old, bool) or old < 1:
            return fit

        def changed(number: int) -> Request:
            if not isinstance(value, tuple):
                return _with(fit.request, **{name: number})
            return _with(fit.request, **{name: (*value[:index], number, *value[index + 1 :])})

        return self._solved(fit, old, changed)

    def _solved(self, fit: Fit, old: int, changed: Callable[[int], Request]) -> Fit:
        """Returns a fit with the number that the first shape shows that depends on it.

        Args:
            fit: that of the number `old`.
            old: the number.
            changed: returns the request with another number.
        """
        here, there = self.network(fit.request), self.network(changed(2 * old))
        if here is None or there is None:
            return fit
        for variable, before, after in _changes(here[1], there[1]):
            stored = self.stored(variable, here)
            for axis, (low, high) in enumerate(zip(before, after, strict=True)):
                if stored is None or low == high:
                    continue
                number, rest = divmod((stored[axis] - low) * old, high - low)
                if number and not rest and old + number > 0:
                    return self.best(fit, [changed(old + number)])
                return fit
        return fit

    def sides(self, fit: Fit) -> Fit:
        """Returns a fit with another size of images, for a network that flattens a map."""
        known = self.network(fit.request)
        if known is None or not any(layer.flattened for layer in known[1].values()):
            return fit
        channels = (fit.request.input_shape or self.variant.input_shape)[2]
        shapes = ((side, side, channels) for side in SIDES)
        return self.best(fit, (replace(fit.request, input_shape=shape) for shape in shapes))


def fit_of(
    tensors: Mapping[str, StoredTensor], modules: set[str], variant: Variant, start: Request
) -> Fit:
    """Returns how a row fits a file, with the file's classes, image channels and head.

    Args:
        tensors: the file's tensors by name.
        modules: as `modules_of` returns them.
        variant: the record of the row.
        start: the arguments of the network to compare.
    """
    own = set(own_names(tensors, list(_default_layers(variant.name))).values())
    counts = {OURS: len(modules & own) / len(own)}
    for source, names in _modules(variant.name).items():
        counts[source] = len(modules & names) / len(names) if names else 0.0
    source = max(counts, key=lambda name: counts[name])
    if counts[source] < LEAST:
        return Fit(start, source, 0.0, 0.0, exact=False)
    search = _Search(tensors, variant, source)
    fit = search.fit(start)
    return fit if fit.exact or fit.named < LEAST else search.with_ends(fit)


def modules_of(tensors: Mapping[str, StoredTensor]) -> set[str]:
    """Returns the names of the modules that have tensors in a file, and without each prefix."""
    modules: set[str] = set()
    for key in tensors:
        for separator in "/.":
            parts = key.split(separator)[:-1]
            modules.update(separator.join(parts[index:]) for index in range(len(parts)))
    return modules


@functools.cache
def _modules(row: str) -> dict[str, frozenset[str]]:
    """Returns the modules that a row's layers have in each naming of other libraries."""
    variant, names = model_info(row), list(_default_layers(row))
    namings = layouts(variant.family).items()
    return {source: frozenset(layout(names).values()) for source, layout in namings}


@functools.cache
def _default_layers(row: str) -> dict[str, Expected]:
    return expected(plan(model_info(row), Request()))


def improved(tensors: Mapping[str, StoredTensor], variant: Variant, fit: Fit) -> Fit:
    """Returns the best fit of a row to a file that other arguments give.

    Args:
        tensors: the file's tensors by name.
        variant: the record of the row.
        fit: as `fit_of` returns it.
    """
    return _Search(tensors, variant, fit.source).improved(fit)


def _with(request: Request, **changes: Any) -> Request:
    """Returns a request with other arguments, which may be columns of the row."""
    arguments = {name: getattr(request, name) for name in changes if hasattr(request, name)}
    shared = {name: value for name, value in changes.items() if name in arguments}
    columns = {name: value for name, value in changes.items() if name not in arguments}
    return replace(request, **shared, columns={**request.columns, **columns})


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | str)


def _is_ignored(key: str) -> bool:
    return key.lower().startswith(AUXILIARY) or SCALING.match(key) is not None


def _changes(
    here: Mapping[str, Expected], there: Mapping[str, Expected]
) -> Iterator[tuple[str, Shape, Shape]]:
    """Yields the variables whose shapes differ between two networks, and their shapes."""
    for name, layer in here.items():
        if name not in there:
            continue
        for variable, before in layer.variables.items():
            after = there[name].variables.get(variable)
            if after is not None and len(after) == len(before) and after != before:
                yield f"{name}/{variable}", before, after
