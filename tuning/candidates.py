"""The candidates of a search: which axes there are, what network a candidate is, and its price.

No Keras here: ten thousand candidates are drawn and priced in seconds.
"""

from __future__ import annotations

import functools
import itertools
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from kerascnn.errors import KerasCNNError, UsageError
from kerascnn.recipe_fields import FIELDS, SPOKEN
from kerascnn.registry import ARGUMENTS, Scale, Variant, model_info
from kerascnn.tuning.axes import Axis, Range, Values, count, draw, leaves, make_axis, started_at
from kerascnn.tuning.budget import Budget, Price, price
from kerascnn.tuning.stages import staged

SCALED = ("depth", "width", "kernel_size")
NETWORK = (*SCALED, "stem", "dropout", "head", "pooling")
TRAINING = {*FIELDS, "augmentation"} - {*SPOKEN, "dropout"}
"""A recipe's fields, but for the dropout, which belongs to the network here."""
HEADS = ("paper", "linear")
POOLINGS = ("avg", "max", "flatten")
AUGMENTATIONS: dict[str, dict[str, Any]] = {
    "none": {"translate": 0, "rotate": 0.0, "zoom": 0.0, "flip": False},
    "shift": {"translate": 2, "rotate": 0.0, "zoom": 0.0, "flip": False},
    "distort": {"translate": 2, "rotate": 10.0, "zoom": 0.1, "flip": False},
    "mirror": {"translate": 4, "rotate": 0.0, "zoom": 0.0, "flip": True},
}
"""What the axis "augmentation" chooses from; pixels of the network's input and degrees."""

USUAL: dict[str, Any] = {
    "depth": (1.0, 0.5, 2.0),
    "width": (1.0, 0.5, 2.0),
    "learning_rate": Range(3e-4, 1e-2, log=True),
}
LETTERS: dict[str, Any] = {
    "n": (2, 1, 3),
    "m": (3, 1, 2, 4),
    "k": (1, 0, 2),
    "filters": (32, 8, 16, 64),
    "filter_size": (3, 5),
    "learning_rate": Range(3e-4, 1e-2, log=True),
}
"""The axes of convnet, whose table is the lecture's general form."""

EXACT = 20_000
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
        self.variants = {one.name: one for one in map(model_info, names)}
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
        usual = LETTERS if self.rows == ("convnet",) else USUAL
        self.domains = dict(domains or usual)
        self._given = bool(domains)
        self.axes = self._made()
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
        self.axes = started_at(self.axes, self._first())

    # -- the axes ---------------------------------------------------------------------------

    def _made(self) -> tuple[Axis, ...]:
        found: list[Axis] = []
        if len(self.rows) > 1:
            found.append(Axis("model", self.rows))
        for name, domain in self.domains.items():
            if name in TRAINING:
                found.append(self._training_axis(name, domain))
            elif name in self.per_stage:
                found += self._stage_axes(name, domain)
            else:
                found += self._network_axes(name, domain)
        # A condition is looked up, so what it asks about comes first.
        order = {"model": 0, "optimizer": 1, "head": 1, "m": 1}
        return tuple(sorted(found, key=lambda axis: order.get(axis.name, 2)))

    def _training_axis(self, name: str, domain: Any) -> Axis:
        axis = make_axis(name, domain, structural=False)
        allowed = {"augmentation": AUGMENTATIONS}.get(name)
        if allowed is not None and (isinstance(domain, Range) or set(domain) - set(allowed)):
            raise UsageError(f"{name}={domain!r}; choose among {', '.join(allowed)}")
        optimizers = self.domains.get("optimizer")
        if optimizers is not None and name in ("momentum", "weight_decay"):
            # Adam has no momentum of this kind and no decay of its own.
            takes = ("sgd", "rmsprop", *(("adamw",) if name == "weight_decay" else ()))
            kept = tuple(one for one in optimizers if one in takes)
            if len(kept) < len(optimizers):
                axis = replace(axis, parent=("optimizer", kept or takes))
        return axis

    def _network_axes(self, name: str, domain: Any) -> list[Axis]:
        axis = make_axis(name, domain, default=1.0 if name in ("depth", "width") else None)
        if name == "pooling":
            if "linear" not in self.domains.get("head", ()):
                raise UsageError('pooling is the linear head\'s; add head=("paper", "linear")')
            self._check(axis, POOLINGS)
            return [replace(axis, parent=("head", ("linear",)))]
        if name == "head":
            self._check(axis, HEADS)
            return [axis]
        takers, refused = [], None
        for row in self.rows:
            refusal = self._refusal(row, axis)
            refused = refused or refusal
            if refusal is None:
                takers.append(row)
        if not takers:
            assert refused is not None
            if not self._given:
                return []
            raise refused
        if len(takers) == len(self.rows):
            return [axis]
        return [replace(axis, parent=("model", tuple(takers)))]

    def _check(self, axis: Axis, allowed: tuple[str, ...]) -> None:
        if isinstance(axis.domain, Range) or set(axis.domain) - set(allowed):
            raise UsageError(f"{axis.name}={axis.domain!r}; choose among {', '.join(allowed)}")

    def _refusal(self, row: str, axis: Axis) -> KerasCNNError | None:
        """Returns why a row does not take an axis; that an image is too small is no reason."""
        variant = self.variants[row]
        if axis.name == "stem" and len(self.rows) > 1 and not variant.small_stem:
            return UsageError(f"{row} has one stem only")
        values = axis.all() or [axis.at(0), axis.at(0.999)]
        columns = [one.name for one in fields(variant.row)]
        known = axis.name in columns or axis.name in ARGUMENTS
        for label in values if known else values[:1]:
            try:
                price(variant, {axis.name: axis.meaning(label)})
            except UsageError as error:
                return error
            except KerasCNNError:
                continue
        return None

    def _stage_axes(self, name: str, domain: Any) -> list[Axis]:
        found = []
        for row, variant in self.variants.items():
            made = staged(variant.row, name)
            if made is None:
                raise UsageError(
                    f"the table of {row} has no {name} for each stage; leave it out of per_stage"
                )
            prefix = f"{row}/" if len(self.rows) > 1 else ""
            parent = ("model", (row,)) if prefix else None
            letters = [m for m in self.domains.get("m", ()) if hasattr(variant.row, "m")]
            for stage in range(max(letters, default=made.count)):
                if letters and stage:
                    parent = ("m", tuple(m for m in letters if m > stage))
                axis = make_axis(
                    f"{prefix}{name}_{stage + 1}",
                    domain,
                    default=1.0 if name in ("depth", "width") else None,
                    parent=parent,
                )
                found.append(axis)
        return found

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
            kind, _, stage = name.rpartition("_")
            if kind in self.per_stage and stage.isdigit():
                factors.setdefault(kind, {})[int(stage)] = value
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
        own = {one.name for one in fields(variant.row)} - set(ARGUMENTS)
        row = replace(variant.row, **{k: v for k, v in arguments.items() if k in own})
        changed: dict[str, Any] = {}
        for kind, by_stage in factors.items():
            made = staged(row, kind)
            assert made is not None  # seen when the axes were made
            scales = [Scale(**{kind: by_stage[stage + 1]}) for stage in range(made.count)]
            columns = made.changed(row, scales)
            changed.update(columns)
            row = replace(row, **columns)
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
        found = self._prices.get(key)
        if found is None:
            try:
                row, arguments = self.network(values)
                classes = self.classes_of(row) if values.get("head") == "linear" else None
                found = price(self.variants[row], arguments, classes)
            except KerasCNNError as error:
                found = error
            self._prices[key] = found
        if isinstance(found, KerasCNNError):
            raise found
        return found

    def classes_of(self, row: str) -> int:
        return self.variants[row].classes if self.classes is None else self.classes

    def fits(self, values: Mapping[str, Any]) -> bool:
        """Tells whether a candidate can be built and keeps the budget, but for the latency."""
        try:
            found = self.price(values)
        except KerasCNNError:
            return False
        batch = values.get("batch_size", self.batch_size)
        return self.budget.holds(found, batch)

    def sample(self, number: int, seed: int = 0) -> Iterator[Values]:
        """Yields candidates that fit, drawn uniformly from those, with repetition.

        Raises:
            UsageError: none of 20,000 in a row fits.
        """
        source = random.Random(seed)
        for _ in range(number):
            drawn = (draw(self.axes, source) for _ in range(EXACT))
            values = next((one for one in drawn if self.fits(one)), None)
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
        networks = count(axes, EXACT)
        if networks is not None:
            share = math.fsum(weight for values, weight in leaves(axes) if self.fits(values))
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
        if count(axes, EXACT) is not None:
            tries: Iterator[Values] = (one for one, _ in leaves(axes))
        else:
            source = random.Random(0)
            tries = itertools.islice(iter(lambda: draw(axes, source), None), EXACT)
        # The most parameters that fit are the nearest to a network that does not.
        fitting = (one for one in itertools.islice(tries, EXACT) if self.fits(one))
        best = max(fitting, key=lambda one: self.price(one).params, default=None)
        if best is None:
            raise self._nothing()
        return best

    def _nothing(self) -> KerasCNNError:
        priced = [one for one in self._prices.values() if isinstance(one, Price)]
        if not priced:
            refusals = [one for one in self._prices.values() if isinstance(one, KerasCNNError)]
            return refusals[0] if refusals else UsageError("the space is empty")
        least = min(priced, key=lambda one: one.params)
        return UsageError(
            f"no network of the space keeps {self.budget}; the smallest of {len(priced):,} has "
            f"{least.params:,} parameters and {least.macs or 0:,} multiply-accumulates"
        )


def _set(axis: Axis, values: Mapping[str, Any]) -> bool:
    # What comes back from a worker over the network may hold values of axes that do not apply.
    return axis.name in values and axis.active(values)
