"""Candidates of a search: their axes, the network that each stands for, and its price.

This module does not need Keras: ten thousand candidates are drawn and priced in seconds.
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
"""Spaces of up to this many networks are enumerated; from larger ones as many are drawn."""


@dataclass(frozen=True)
class Coverage:
    """How much of a search space is within its budget.

    Args:
        share: the probability that a drawn candidate is within the budget.
        networks: number of networks that were priced.
        exact: whether these were all networks of the space, not a sample.
    """

    share: float
    networks: int
    exact: bool

    def __str__(self) -> str:
        how = "all" if self.exact else "a sample of"
        return f"{self.share:.1%} of the space fits ({how} {self.networks:,} networks priced)"


class Candidates:
    """The axes of some architectures, and their networks and prices; see `SearchSpace`."""

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
        self.extra_arguments: dict[str, Any] = {}
        for name in self.per_stage:
            if name not in SCALED:
                raise UsageError(f"per_stage={name!r}; it must be one of {', '.join(SCALED)}")
            if name not in domains:
                raise UsageError(f"per_stage={name!r}, but {name} has no values; give {name}=…")
        defaults = CONVNET_AXES if self.rows == ("convnet",) else DEFAULT_AXES
        self.domains = dict(domains or defaults)
        self.axes = AxisFactory(self.variants, self.domains, self.per_stage, not domains).axes()
        self.fit_to(self.input_shape, self.classes)

    def fit_to(self, input_shape: Any, classes: int | None) -> None:
        """Sets image shape and classes, clears prices, and chooses where the search starts.

        Raises:
            UsageError: no network is within the budget, or there is only one class.
            MismatchError: the image is too small for all networks.
        """
        if classes == 1:
            raise UsageError("classes=1 leaves nothing to learn; give at least 2")
        self.input_shape, self.classes = input_shape, classes
        for name in ("_structural", "_priced_axes"):
            self.__dict__.pop(name, None)
        self._prices: dict[Any, Price | KerasCNNError] = {}
        self.latencies: dict[Any, float] = {}
        self.axes = with_defaults(self.axes, self._first())

    # -- the network of a candidate -----------------------------------------------------

    def network(self, values: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """Returns the architecture of a candidate, and its arguments for `create_model`.

        Args:
            values: the values of the axes as keras-tuner stores them; other entries are ignored.
        """
        row = values.get("model", self.rows[0])
        variant = self.variants[row]
        arguments: dict[str, Any] = {}
        factors: dict[str, dict[int, Any]] = {}
        for axis in self.axes:
            if not axis.structural or not _applies(axis, values) or axis.name == "model":
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
        return row, {**self.extra_arguments, **arguments}

    def _stage_columns(
        self, variant: Variant, arguments: Mapping[str, Any], factors: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Returns the columns of a row with every stage scaled by its own factors."""
        row, columns = variant.row_for(arguments)
        own = columns_of(row)
        row = replace(row, **{name: value for name, value in columns.items() if name in own})
        changed: dict[str, Any] = {}
        for axis_name, by_stage in factors.items():
            column = stage_column(row, axis_name)
            assert column is not None  # checked when the axes were made
            scales = [Scale(**{axis_name: by_stage[stage + 1]}) for stage in range(column.count)]
            new_columns = column.changed(row, scales)
            changed.update(new_columns)
            row = replace(row, **new_columns)
        return changed

    def training(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the fields of a `Recipe` that a candidate sets."""
        changes: dict[str, Any] = {}
        for axis in self.axes:
            if axis.structural or not _applies(axis, values):
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
        """Returns a key that is equal for candidates with the same network."""
        return tuple(
            (axis.name, values[axis.name]) for axis in self._structural if _applies(axis, values)
        )

    def price(self, values: Mapping[str, Any]) -> Price:
        """Returns the costs of a candidate without building it.

        Raises:
            MismatchError: the image is too small for the network.
            UsageError: the values contradict each other.
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
        """Returns the number of classes of an architecture in this space."""
        return self.variants[row].classes if self.classes is None else self.classes

    def fits(self, values: Mapping[str, Any]) -> bool:
        """Returns whether a candidate can be built and is within the budget, latency excluded."""
        try:
            cost = self.price(values)
        except KerasCNNError:
            return False
        batch = values.get("batch_size", self.batch_size)
        return self.budget.holds(cost, batch)

    def sample(self, number: int, seed: int = 0) -> Iterator[Values]:
        """Yields candidates within the budget, drawn uniformly, with repetition.

        Raises:
            UsageError: 20,000 consecutive draws are all beyond the budget.
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
        """Returns which share of the space is within the budget, counted or from 2,000 draws."""
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
        """Returns where the search starts: the paper's network, or the largest that fits."""
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
        # The largest network within the budget is the nearest to a paper network beyond it.
        fitting = filter(self.fits, itertools.islice(drawn, EXACT_LIMIT))
        best = max(fitting, key=lambda candidate: self.price(candidate).params, default=None)
        if best is None:
            raise self._nothing()
        return best

    def _nothing(self) -> KerasCNNError:
        """Returns the error for a space without any network within the budget."""
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


def _applies(axis: Axis, values: Mapping[str, Any]) -> bool:
    # Candidates that a worker sends back may have values of axes that do not apply.
    return axis.name in values and axis.active(values)
