"""Axes of a search space: the values that each may take, and for which candidates it applies.

Standard library only, so candidates are drawn and priced without importing Keras.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kerascnn.errors import UsageError

Values = dict[str, Any]
"""A candidate: the value of each axis that applies, by the name of the axis."""


@dataclass(frozen=True)
class Range:
    """All numbers from `low` to `high`; integers if both bounds (and the step) are integers.

    Args:
        low: the smallest value.
        high: the largest value, included.
        step: distance between values; None for all numbers of the interval.
        log: equal ratios are equally likely, as suits a learning rate; not with a step.

    Raises:
        UsageError: the bounds are not finite or not in order, or do not agree with `log`.
    """

    low: float
    high: float
    step: float | None = None
    log: bool = False

    def __post_init__(self) -> None:
        good = all(map(_is_number, (self.low, self.high))) and self.low < self.high
        if not good or (self.step is not None and not (_is_number(self.step) and self.step > 0)):
            raise UsageError(f"{self} is not a range; give low < high, and a step above 0 or None")
        if self.log and (self.low <= 0 or self.step is not None):
            raise UsageError(f"{self}: a logarithmic range starts above 0 and has no step")

    @property
    def whole(self) -> bool:
        """Whether all values are integers."""
        return all(isinstance(value, int) for value in (self.low, self.high, self.step or 1))

    def grid(self) -> list[float] | None:
        """Returns all values, or None if the range is continuous."""
        step = self.step or (1 if self.whole and not self.log else None)
        if step is None:
            return None
        count = int((self.high - self.low) / step + 1e-9) + 1
        return [self.low + index * step for index in range(count)]

    def at(self, share: float) -> float:
        """Returns the quantile of the values at `share`, in [0, 1)."""
        values = self.grid()
        if values is not None:
            return values[min(int(share * len(values)), len(values) - 1)]
        if self.log:
            value = self.low * (self.high / self.low) ** share
        else:
            value = self.low + (self.high - self.low) * share
        return round(value) if self.whole else value


Domain = Sequence[Any] | Range


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


@dataclass(frozen=True)
class Axis:
    """One hyper-parameter.

    Args:
        name: its name in keras-tuner.
        domain: a `Range`, or the values to choose from.
        default: the value where a search starts; the paper's value if the domain has it.
        parent: (axis, values): this axis applies only if that axis has one of these values.
        structural: whether the axis changes the network, not only its training.
    """

    name: str
    domain: tuple[Any, ...] | Range
    default: Any = None
    parent: tuple[str, tuple[Any, ...]] | None = None
    structural: bool = True

    @property
    def labels(self) -> tuple[Any, ...]:
        """The values as keras-tuner stores them: as text if they have several types."""
        assert not isinstance(self.domain, Range)
        kinds = {type(value) for value in self.domain}
        if len(kinds) == 1 and kinds <= {str, int, float, bool}:
            return self.domain
        return tuple(_text(value) for value in self.domain)

    def meaning(self, label: Any) -> Any:
        """Returns the value that a stored label stands for.

        Raises:
            UsageError: the axis has no such label.
        """
        if isinstance(self.domain, Range):
            return label
        for stored, value in zip(self.labels, self.domain, strict=True):
            if stored == label:
                return value
        raise UsageError(f"{self.name} has no value {label!r}; it has {list(self.labels)}")

    def start(self) -> Any:
        """Returns the label of the default."""
        if isinstance(self.domain, Range):
            return self.domain.low if self.default is None else self.default
        place = self.domain.index(self.default) if self.default in self.domain else 0
        return self.labels[place]

    def at(self, share: float) -> Any:
        """Returns the label at `share` of the axis, in [0, 1)."""
        if isinstance(self.domain, Range):
            return self.domain.at(share)
        return self.labels[min(int(share * len(self.labels)), len(self.labels) - 1)]

    def all(self) -> list[Any] | None:
        """Returns all labels, or None if the axis is continuous."""
        if isinstance(self.domain, Range):
            return self.domain.grid()
        return list(self.labels)

    def active(self, values: Mapping[str, Any]) -> bool:
        """Returns whether the axis applies to a candidate."""
        return self.parent is None or values.get(self.parent[0]) in self.parent[1]


def _text(value: Any) -> str:
    return "paper" if value is None else str(value)


def make_axis(name: str, domain: Any, **options: Any) -> Axis:
    """Returns an axis, with its domain checked.

    Raises:
        UsageError: the domain is empty, has a duplicate, or is neither a `Range` nor a list.
    """
    if isinstance(domain, Range):
        return Axis(name, domain, **options)
    if isinstance(domain, str) or not isinstance(domain, Sequence):
        raise UsageError(f"{name}={domain!r}: give a list of values, or a Range(low, high)")
    choices = tuple(domain)
    if not choices:
        raise UsageError(f"{name} is empty; give at least one value, or omit it")
    if all(_is_number(value) for value in choices) and any(
        isinstance(value, float) for value in choices
    ):
        choices = tuple(float(value) for value in choices)
    axis = Axis(name, choices, **options)
    if len(set(axis.labels)) < len(choices):
        raise UsageError(f"{name} has a duplicate value: {list(axis.labels)}")
    return axis


def parse_domain(name: str, text: str) -> Domain:
    """Returns the domain in a text: "0.5,1,2", or a range "0.5:2", "3:7:2" (step), "1e-4:1e-2:log".

    Raises:
        UsageError: the text has neither form.
    """
    parts = text.split(":")
    if len(parts) in (2, 3):
        log = len(parts) == 3 and parts[2] == "log"
        bounds = [_number(part) for part in (parts[:2] if log else parts)]
        if not all(_is_number(bound) for bound in bounds):
            raise UsageError(f"{name}={text}: a range is LOW:HIGH, LOW:HIGH:STEP or LOW:HIGH:log")
        return Range(bounds[0], bounds[1], bounds[2] if len(bounds) == 3 else None, log)
    return [_number(part) for part in text.split(",") if part]


def _number(text: str) -> Any:
    words = {"none": None, "paper": None, "true": True, "false": False}
    if text.lower() in words:
        return words[text.lower()]
    for convert in (int, float):
        try:
            return convert(text)
        except ValueError:
            continue
    return text


def draw(axes: Sequence[Axis], random: Any) -> Values:
    """Draws a candidate: the value of each axis that applies, by `random.random()`."""
    values: Values = {}
    for axis in axes:
        if axis.active(values):
            values[axis.name] = axis.at(random.random())
    return values


def all_candidates(axes: Sequence[Axis]) -> Iterator[tuple[Values, float]]:
    """Yields all candidates of finite axes, each with its probability under `draw`."""
    done: list[tuple[Values, float]] = [({}, 1.0)]
    yield from _grow(axes, done)


def _grow(
    axes: Sequence[Axis], start: list[tuple[Values, float]]
) -> Iterator[tuple[Values, float]]:
    if not axes:
        yield from start
        return
    axis, later = axes[0], axes[1:]
    for values, share in start:
        labels = (axis.all() or []) if axis.active(values) else None
        if labels is None:
            yield from _grow(later, [(values, share)])
            continue
        for label in labels:
            yield from _grow(later, [({**values, axis.name: label}, share / len(labels))])


def count(axes: Sequence[Axis], limit: int) -> int | None:
    """Returns the number of candidates; None for continuous axes, and above `limit`."""
    if any(axis.all() is None for axis in axes):
        return None
    number = sum(1 for _ in itertools.islice(all_candidates(axes), limit + 1))
    return number if number <= limit else None


def with_defaults(axes: Sequence[Axis], values: Values) -> tuple[Axis, ...]:
    """Returns the axes with the values of a candidate as their defaults."""
    return tuple(
        replace(axis, default=axis.meaning(values[axis.name])) if axis.name in values else axis
        for axis in axes
    )
