"""From what a user gives to the axes of a search, each checked against the architectures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from kerascnn.errors import KerasCNNError, UsageError
from kerascnn.models.registry import Variant
from kerascnn.models.request import ARGUMENTS
from kerascnn.recipes.fields import FIELDS, SPOKEN
from kerascnn.tuning.axes import Axis, Range, make_axis
from kerascnn.tuning.budget import price
from kerascnn.tuning.per_stage import stage_column

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

DEFAULT_AXES: dict[str, Any] = {
    "depth": (1.0, 0.5, 2.0),
    "width": (1.0, 0.5, 2.0),
    "learning_rate": Range(3e-4, 1e-2, log=True),
}
CONVNET_AXES: dict[str, Any] = {
    "n": (2, 1, 3),
    "m": (3, 1, 2, 4),
    "k": (1, 0, 2),
    "filters": (32, 8, 16, 64),
    "filter_size": (3, 5),
    "learning_rate": Range(3e-4, 1e-2, log=True),
}
"""The axes of convnet, whose table is the lecture's general form."""


@dataclass(frozen=True)
class AxisFactory:
    """Makes the axes of a space.

    Args:
        variants: the architectures' records by name.
        domains: the values by axis, as the user gave them.
        per_stage: which axes every stage has for itself.
        usual: the domains are not the user's, and an axis that nobody takes is left out.
    """

    variants: Mapping[str, Variant]
    domains: Mapping[str, Any]
    per_stage: tuple[str, ...]
    usual: bool

    @property
    def rows(self) -> tuple[str, ...]:
        return tuple(self.variants)

    def axes(self) -> tuple[Axis, ...]:
        """Returns every axis, those that others depend on first."""
        axes: list[Axis] = []
        if len(self.rows) > 1:
            axes.append(Axis("model", self.rows))
        for name, domain in self.domains.items():
            if name in TRAINING:
                axes.append(self._training_axis(name, domain))
            elif name in self.per_stage:
                axes += self._stage_axes(name, domain)
            else:
                axes += self._network_axes(name, domain)
        # A condition is looked up, so what it asks about comes first.
        order = {"model": 0, "optimizer": 1, "head": 1, "m": 1, "k": 1}
        return tuple(sorted(axes, key=lambda axis: order.get(axis.name, 2)))

    def _training_axis(self, name: str, domain: Any) -> Axis:
        axis = make_axis(name, domain, structural=False)
        allowed = {"augmentation": AUGMENTATIONS}.get(name)
        if allowed is not None and (isinstance(domain, Range) or set(domain) - set(allowed)):
            raise UsageError(f"{name}={domain!r}; choose among {', '.join(allowed)}")
        optimizers = self.domains.get("optimizer")
        if optimizers is not None and name in ("momentum", "weight_decay"):
            # Adam has no momentum of this kind and no decay of its own.
            takes = ("sgd", "rmsprop", *(("adamw",) if name == "weight_decay" else ()))
            kept = tuple(optimizer for optimizer in optimizers if optimizer in takes)
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
            if self.usual:
                return []
            raise refused
        layers = [k for k in self.domains.get("k", ()) if k]
        if name == "units" and layers and "convnet" in takers:
            return [replace(axis, parent=("k", tuple(layers)))]  # of the hidden dense layers
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
        columns = [column.name for column in fields(variant.row)]
        valid = axis.name in columns or axis.name in ARGUMENTS
        for label in values if valid else values[:1]:
            try:
                price(variant, {axis.name: axis.meaning(label)})
            except UsageError as error:
                return error
            except KerasCNNError:
                continue
        return None

    def _stage_axes(self, name: str, domain: Any) -> list[Axis]:
        axes = []
        for row, variant in self.variants.items():
            column = stage_column(variant.row, name)
            if column is None:
                raise UsageError(
                    f"the table of {row} has no {name} for each stage; leave it out of per_stage"
                )
            prefix = f"{row}/" if len(self.rows) > 1 else ""
            parent = ("model", (row,)) if prefix else None
            letters = [m for m in self.domains.get("m", ()) if hasattr(variant.row, "m")]
            for stage in range(max(letters, default=column.count)):
                if letters and stage:
                    parent = ("m", tuple(m for m in letters if m > stage))
                axis = make_axis(
                    f"{prefix}{name}_{stage + 1}",
                    domain,
                    default=1.0 if name in ("depth", "width") else None,
                    parent=parent,
                )
                axes.append(axis)
        return axes
