"""The candidates of a search: which axes there are, what network a candidate is, and its price.

No Keras here: ten thousand candidates are drawn and priced in seconds.
"""

from __future__ import annotations

import functools
import itertools
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kerascnn.errors import KerasCNNError, UsageError
from kerascnn.models.registry import Scale, Variant, columns_of, model_info
from kerascnn.tuning.axes import Axis, Values, all_candidates, count, draw, with_defaults
from kerascnn.tuning.axis_factory import (
    AUGMENTATIONS,
    CONVNET_AXES,
    DEFAULT_AXES,
    SCALED,
    AxisFactory,
)
from kerascnn.tuning.budget import Budget, Price, price
from kerascnn.tuning.per_stage import stage_column

EXACT_LIMIT = 20_000
"""Up to so many networks a space is counted; beyond, so many are drawn."""


@dataclass(frozen=True)
class Coverage:
    """How much of a space keeps its budget: `share` of the draws, from `networks` looked at."""

    share: float
    networks: int
    exact: bool

    def __str__(self) -> str:
        how = "all" if self.exact else "a sample of"
        return f"{self.share:.1%} of the space fits ({how} {self.networks:,} networks priced)"


class Candidates:
    """The axes of some architectures and what they stand for; `SearchSpace` has the arguments."""

    def __init__(
        self,
        rows: str | Sequence[str],
        input_shape: Any,
        classes: int | None,
        budget: Budget | None,
        per_stage: Sequence[str],
        domains: Mapping[str, Any],
    ) -> None:
        names = [rows] if isinstance(rows, str) else list(rows)
        if not names:
            raise UsageError("a search space needs at least one architecture")
        self.variants = {variant.name: variant for variant in map(model_info, names)}
        self.rows = tuple(self.variants)
        self.input_shape = input_shape
        self.classes = classes
        self.budget = budget or Budget()
        self.per_stage = tuple(per_stage)
        self.batch_size = 64
        self.extra: dict[str, Any] = {}
        for name in self.per_stage:
            if name not in SCALED:
                raise UsageError(f"per_stage={name!r}; it must be among {', '.join(SCALED)}")
            if name not in domains:
                raise UsageError(f"per_stage={name!r}, but {name} has no values; give {name}=…")
        usual = CONVNET_AXES if self.rows == ("convnet",) else DEFAULT_AXES
        self.domains = dict(domains or usual)
        self.axes = AxisFactory(self.variants, self.domains, self.per_stage, not domains).axes()
        self.fit_to(self.input_shape, self.classes)

    def fit_to(self, input_shape: Any, classes: int | None) -> None:
        """Sets image and classes, forgets prices, and starts the search at a network that fits.

        Raises:
            UsageError: no network keeps the budget.
            MismatchError: the image is too small for all of them.
        """
        self.input_shape, self.classes = input_shape, classes
        for name in ("_structural", "_priced_axes"):
            self.__dict__.pop(name, None)
        self._prices: dict[Any, Price | KerasCNNError] = {}
        self.latencies: dict[Any, float] = {}
        self.axes = with_defaults(self.axes, self._first())

    # -- what a candidate is ----------------------------------------------------------------

    def network(self, values: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """Returns the architecture and the arguments of `create_model` that a candidate stands for.

        Args:
            values: of the active axes, as keras-tuner stores them; others are left alone.
        """
        row = values.get("model", self.rows[0])
        variant = self.variants[row]
        arguments: dict[str, Any] = {}
        factors: dict[str, dict[int, Any]] = {}
        for axis in self.axes:
            if not axis.structural or not _set(axis, values) or axis.name == "model":
                continue
            value = axis.meaning(values[axis.name])
            name = axis.name.removeprefix(f"{row}/")
            axis_name, _, stage = name.rpartition("_")
            if axis_name in self.per_stage and stage.isdigit():
                factors.setdefault(axis_name, {})[int(stage)] = value
            elif name not in ("head", "pooling"):
                arguments[name] = value
        if factors:
            arguments.update(self._stage_columns(variant, arguments, factors))
        if values.get("head") == "linear":
            arguments.update(include_top=False, pooling=values.get("pooling", "avg"))
        shape = self.input_shape
        if isinstance(shape, Mapping):
            shape = shape.get(row)
        if shape is not None:
            arguments["input_shape"] = tuple(shape)
        if self.classes is not None:
            arguments["classes"] = self.classes
        return row, {**self.extra, **arguments}

    def _stage_columns(
        self, variant: Variant, arguments: Mapping[str, Any], factors: Mapping[str, Any]
    ) -> dict[str, Any]:
        row, taken = variant.row_for(arguments)
        own = columns_of(row)
        row = replace(row, **{name: value for name, value in taken.items() if name in own})
        changed: dict[str, Any] = {}
        for axis_name, by_stage in factors.items():
            column = stage_column(row, axis_name)
            assert column is not None  # seen when the axes were made
            scales = [Scale(**{axis_name: by_stage[stage + 1]}) for stage in range(column.count)]
            new_columns = column.changed(row, scales)
            changed.update(new_columns)
            row = replace(row, **new_columns)
        return changed

    def training(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the fields of a `Recipe` that a candidate sets."""
        changes: dict[str, Any] = {}
        for axis in self.axes:
            if axis.structural or not _set(axis, values):
                continue
            value = axis.meaning(values[axis.name])
            if axis.name == "augmentation":
                changes.update(AUGMENTATIONS[value])
            else:
                changes[axis.name] = value
        return changes

    # -- prices -----------------------------------------------------------------------------

    @functools.cached_property
    def _structural(self) -> tuple[Axis, ...]:
        return tuple(axis for axis in self.axes if axis.structural)

    def key(self, values: Mapping[str, Any]) -> tuple[Any, ...]:
        """Returns what candidates with the same network share."""
        return tuple(
            (axis.name, values[axis.name]) for axis in self._structural if _set(axis, values)
        )

    def price(self, values: Mapping[str, Any]) -> Price:
        """Returns what a candidate costs; nothing is built.

        Raises:
            MismatchError: the image is too small for it.
            UsageError: its values do not go together.
        """
        key = self.key(values)
        outcome = self._prices.get(key)
        if outcome is None:
            try:
                row, arguments = self.network(values)
                classes = self.classes_of(row) if values.get("head") == "linear" else None
                outcome = price(self.variants[row], arguments, classes)
            except KerasCNNError as error:
                outcome = error
            self._prices[key] = outcome
        if isinstance(outcome, KerasCNNError):
            raise outcome
        return outcome

    def classes_of(self, row: str) -> int:
        return self.variants[row].classes if self.classes is None else self.classes

    def fits(self, values: Mapping[str, Any]) -> bool:
        """Tells whether a candidate can be built and keeps the budget, but for the latency."""
        try:
            cost = self.price(values)
        except KerasCNNError:
            return False
        batch = values.get("batch_size", self.batch_size)
        return self.budget.holds(cost, batch)

    def sample(self, number: int, seed: int = 0) -> Iterator[Values]:
        """Yields candidates that fit, drawn uniformly from those, with repetition.

        Raises:
            UsageError: none of 20,000 in a row fits.
        """
        source = random.Random(seed)
        for _ in range(number):
            drawn = (draw(self.axes, source) for _ in range(EXACT_LIMIT))
            values = next((candidate for candidate in drawn if self.fits(candidate)), None)
            if values is None:
                raise self._nothing()
            yield values

    @functools.cached_property
    def _priced_axes(self) -> tuple[Axis, ...]:
        memory = self.budget.memory is not None
        return tuple(
            axis for axis in self.axes if axis.structural or (memory and axis.name == "batch_size")
        )

    def coverage(self) -> Coverage:
        """Returns which share of the space fits: counted, or from 2,000 draws of a large one."""
        axes = self._priced_axes
        networks = count(axes, EXACT_LIMIT)
        if networks is not None:
            share = math.fsum(
                weight for values, weight in all_candidates(axes) if self.fits(values)
            )
            return Coverage(share, networks, True)
        source = random.Random(0)
        hits = sum(self.fits(draw(axes, source)) for _ in range(2000))
        return Coverage(hits / 2000, 2000, False)

    def _first(self) -> Values:
        """Returns where the search starts: the paper's network, or the first one that fits."""
        values: Values = {}
        for axis in self.axes:
            if axis.active(values):
                values[axis.name] = axis.start()
        if self.fits(values):
            return values
        axes = self._priced_axes
        if count(axes, EXACT_LIMIT) is not None:
            drawn: Iterator[Values] = (candidate for candidate, _ in all_candidates(axes))
        else:
            source = random.Random(0)
            drawn = itertools.islice(iter(lambda: draw(axes, source), None), EXACT_LIMIT)
        # The most parameters that fit are the nearest to a network that does not.
        fitting = filter(self.fits, itertools.islice(drawn, EXACT_LIMIT))
        best = max(fitting, key=lambda candidate: self.price(candidate).params, default=None)
        if best is None:
            raise self._nothing()
        return best

    def _nothing(self) -> KerasCNNError:
        outcomes = self._prices.values()
        prices = [outcome for outcome in outcomes if isinstance(outcome, Price)]
        if not prices:
            errors = [outcome for outcome in outcomes if isinstance(outcome, KerasCNNError)]
            return errors[0] if errors else UsageError("the space is empty")
        least = min(prices, key=lambda cost: cost.params)
        return UsageError(
            f"no network of the space keeps {self.budget}; the smallest of {len(prices):,} has "
            f"{least.params:,} parameters and {least.macs or 0:,} multiply-accumulates"
        )


def _set(axis: Axis, values: Mapping[str, Any]) -> bool:
    # What comes back from a worker over the network may hold values of axes that do not apply.
    return axis.name in values and axis.active(values)
