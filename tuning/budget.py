"""Budgets: the costs of a candidate, computed from its table without building it.

This module does not need Keras. Layers repeat within a network and between candidates, so their
costs are cached.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from kerascnn.errors import UsageError
from kerascnn.models.costs import MAXIMUM_LAYERS, Plan, Planned, Shape, layer_cost
from kerascnn.models.planning import plan_into
from kerascnn.models.registry import Variant
from kerascnn.models.request import Request

FLOAT_BYTES = 4
TRAINED_COPIES = 4
"""Copies of a trained parameter in memory: its value, its gradient and Adam's two moments."""
RUNTIMES = ("keras", "onnx")


@dataclass(frozen=True)
class Price:
    """The costs of a network.

    Args:
        params: number of trainable parameters.
        macs: multiply-accumulates for one image; None if the image size is open.
        fixed: number of parameters without a gradient.
        activations: output values of all layers for one image; None if the image size is open.
    """

    params: int
    macs: int | None
    fixed: int = 0
    activations: int | None = 0

    def memory(self, batch_size: int) -> int | None:
        """Returns the bytes of a training step in float32; None if the image size is open.

        Counted are trainable parameters four times, fixed parameters once, and all layer outputs.
        """
        if self.activations is None:
            return None
        held = TRAINED_COPIES * self.params + self.fixed + batch_size * self.activations
        return FLOAT_BYTES * held


@dataclass(frozen=True)
class Budget:
    """Upper bounds of the costs of every candidate; None for no bound.

    Args:
        params: number of trainable parameters.
        macs: multiply-accumulates for one image.
        memory: bytes of a training step in float32: parameters, their gradients and two moments,
            and the outputs of all layers for a batch.
        latency: seconds for one image, measured once for each candidate within the other bounds.
        runtime: where latency is measured: "keras", or "onnx" for the exported network.

    Raises:
        UsageError: a bound is not above 0, or the runtime is unknown.
    """

    params: float | None = None
    macs: float | None = None
    memory: float | None = None
    latency: float | None = None
    runtime: str = "keras"

    def __post_init__(self) -> None:
        if self.runtime not in RUNTIMES:
            raise UsageError(f"runtime={self.runtime!r}; it must be one of {', '.join(RUNTIMES)}")
        for name, value in self.bounds().items():
            good = isinstance(value, int | float) and not isinstance(value, bool)
            if not good or not 0 < value < math.inf:
                raise UsageError(f"budget: {name} must be a number above 0, got {value!r}")

    def bounds(self) -> dict[str, float]:
        """Returns the bounds that are set, by name."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {k: v for k, v in values.items() if k != "runtime" and v is not None}

    def holds(self, price: Price, batch_size: int) -> bool:
        """Returns whether a price is within all bounds except latency."""
        costs = {"params": price.params, "macs": price.macs, "memory": price.memory(batch_size)}
        return all(
            cost is not None and cost <= bound
            for name, bound in self.bounds().items()
            if name != "latency"
            for cost in (costs[name],)
        )

    def __str__(self) -> str:
        unit = {"memory": " bytes", "latency": f" s on {self.runtime}"}
        parts = (f"{name} <= {bound:,g}" for name, bound in self.bounds().items())
        if not self.bounds():
            return "no budget"
        names = list(self.bounds())
        return ", ".join(part + unit.get(name, "") for name, part in zip(names, parts, strict=True))


Sums = tuple[int, int, int | None, int | None]
"""Trainable and fixed parameters, multiply-accumulates, output values."""

_CACHE_LIMIT = 200_000
_LAYERS: dict[Any, tuple[Shape, Sums]] = {}
_PARTS: dict[Any, tuple[Shape, Sums, int]] = {}


class CostTally(Plan):
    """A plan that sums the costs of a network, and computes equal layers and parts only once."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self.sums: list[Sums] = []

    def layer(
        self, kind: str, inputs: Planned | Sequence[Planned], name: str, config: Mapping[str, Any]
    ) -> Planned:
        if isinstance(inputs, Planned):
            shapes: tuple[Shape, ...] = (inputs.shape,)
        else:
            shapes = tuple([planned.shape for planned in inputs])
        key = (kind, shapes, tuple(config), tuple(config.values()))
        try:
            known = _LAYERS.get(key)
        except TypeError:  # an initialiser given as a dict
            known = _layer(kind, shapes, config)
        if known is None:
            known = _layer(kind, shapes, config)
            if len(_LAYERS) < _CACHE_LIMIT:
                _LAYERS[key] = known
        shape, sums = known
        self._counted(1)
        self.sums.append(sums)
        return Planned(shape, self, name)

    def part(self, key: Hashable, make: Callable[[], Planned]) -> Planned:
        known = _PARTS.get(key)
        if known is None:
            place, count = len(self.sums), self.count
            shape = make().shape
            known = (shape, _total(self.sums[place:]), self.count - count)
            del self.sums[place:]
            self.count = count
            if len(_PARTS) < _CACHE_LIMIT:
                _PARTS[key] = known
        shape, sums, layers = known
        self._counted(layers)
        self.sums.append(sums)
        return Planned(shape, self)

    def _counted(self, layers: int) -> None:
        self.count += layers
        if self.count > MAXIMUM_LAYERS:
            raise UsageError(
                f"the network has more than {MAXIMUM_LAYERS:,} layers; reduce its depth"
            )

    @property
    def price(self) -> Price:
        """The summed costs."""
        trainable, fixed, macs, activations = _total(self.sums)
        return Price(trainable, macs, fixed, activations)


def _layer(kind: str, shapes: tuple[Shape, ...], config: Mapping[str, Any]) -> tuple[Shape, Sums]:
    cost = layer_cost(kind, list(shapes), config)
    sides = [side for side in cost.shape[1:] if side is not None]
    values = math.prod(sides) if len(sides) == len(cost.shape) - 1 else None
    return cost.shape, (cost.trainable, cost.fixed, cost.macs, values)


def _total(sums: Sequence[Sums]) -> Sums:
    trainable, fixed, macs, values = zip(*sums, strict=True)
    return (
        sum(trainable),
        sum(fixed),
        None if None in macs else sum(macs),
        None if None in values else sum(values),
    )


def price(
    variant: Variant, arguments: Mapping[str, Any], classes_of_head: int | None = None
) -> Price:
    """Returns the costs of a network without building it.

    Args:
        variant: the record of the architecture.
        arguments: arguments of `create_model`.
        classes_of_head: outputs of a dense layer after the network, if it has no head of its own.

    Raises:
        UsageError: an argument is out of range.
        MismatchError: the image is too small, or its size is open and must be known.
    """
    tally = CostTally()
    outputs = plan_into(tally, variant, Request.of(dict(arguments)))
    if classes_of_head is not None:
        tally.layer("Dense", outputs["features"], "predictions", {"units": classes_of_head})
    return tally.price
