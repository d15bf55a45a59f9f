"""Makes the axes of a search from the domains that a user gives, checked for each architecture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from kerascnn.errors import KerasCNNError, UsageError
from kerascnn.models.registry import Variant
from kerascnn.models.request import ARGUMENTS
from kerascnn.recipes.fields import EXPLANATIONS, FIELDS
from kerascnn.tuning.axes import Axis, Range, make_axis
from kerascnn.tuning.budget import price
from kerascnn.tuning.per_stage import stage_column

SCALED = ("depth", "width", "kernel_size")
NETWORK = (*SCALED, "stem", "dropout", "head", "pooling")
TRAINING = {*FIELDS, "augmentation"} - {*EXPLANATIONS, "dropout"}
"""Axes of the training: the fields of a recipe, without dropout, an axis of the network."""
HEADS = ("paper", "linear")
POOLINGS = ("avg", "max", "flatten")
AUGMENTATIONS: dict[str, dict[str, Any]] = {
    "none": {"translate": 0, "rotate": 0.0, "zoom": 0.0, "flip": False},
    "shift": {"translate": 2, "rotate": 0.0, "zoom": 0.0, "flip": False},
    "distort": {"translate": 2, "rotate": 10.0, "zoom": 0.1, "flip": False},
    "mirror": {"translate": 4, "rotate": 0.0, "zoom": 0.0, "flip": True},
}
"""The choices of the axis "augmentation", in pixels of the network's input and in degrees."""

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
"""The default axes of the architecture convnet, by the columns of its table."""


@dataclass(frozen=True)
class AxisFactory:
    """Makes the axes of a search space.

    Args:
        variants: the records of the architectures, by name.
        domains: the values of each axis, by name.
        per_stage: names of the axes that every stage has separately.
        default_domains: whether the domains are the default ones; then an axis that no
            architecture takes is left out.
    """

    variants: Mapping[str, Variant]
    domains: Mapping[str, Any]
    per_stage: tuple[str, ...]
    default_domains: bool

    @property
    def rows(self) -> tuple[str, ...]:
        return tuple(self.variants)

    def axes(self) -> tuple[Axis, ...]:
        """Returns all axes; each comes after the axis that its condition refers to."""
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
        # An axis must come after the axis that its condition refers to.
        order = {"model": 0, "optimizer": 1, "head": 1, "m": 1, "k": 1}
        return tuple(sorted(axes, key=lambda axis: order.get(axis.name, 2)))

    def _training_axis(self, name: str, domain: Any) -> Axis:
        """Returns an axis that changes the recipe."""
        axis = make_axis(name, domain, structural=False)
        allowed = {"augmentation": AUGMENTATIONS}.get(name)
        if allowed is not None and (isinstance(domain, Range) or set(domain) - set(allowed)):
            raise UsageError(f"{name}={domain!r}; choose from {', '.join(allowed)}")
        optimizers = self.domains.get("optimizer")
        if optimizers is not None and name in ("momentum", "weight_decay"):
            # Adam has neither this momentum nor a weight decay.
            takes = ("sgd", "rmsprop", *(("adamw",) if name == "weight_decay" else ()))
            kept = tuple(optimizer for optimizer in optimizers if optimizer in takes)
            if len(kept) < len(optimizers):
                axis = replace(axis, parent=("optimizer", kept or takes))
        return axis

    def _network_axes(self, name: str, domain: Any) -> list[Axis]:
        """Returns the axis that changes the network, for the architectures that take it."""
        axis = make_axis(name, domain, default=1.0 if name in ("depth", "width") else None)
        if name == "pooling":
            if "linear" not in self.domains.get("head", ()):
                raise UsageError(
                    'the axis pooling needs the linear head; add head=("paper", "linear")'
                )
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
            if self.default_domains:
                return []
            raise refused
        layers = [k for k in self.domains.get("k", ()) if k]
        if name == "units" and layers and "convnet" in takers:
            return [
                replace(axis, parent=("k", tuple(layers)))
            ]  # the units of the hidden dense layers
        if len(takers) == len(self.rows):
            return [axis]
        return [replace(axis, parent=("model", tuple(takers)))]

    def _check(self, axis: Axis, allowed: tuple[str, ...]) -> None:
        if isinstance(axis.domain, Range) or set(axis.domain) - set(allowed):
            raise UsageError(f"{axis.name}={axis.domain!r}; choose from {', '.join(allowed)}")

    def _refusal(self, row: str, axis: Axis) -> KerasCNNError | None:
        """Returns the error of an architecture that does not take an axis, else None.

        An image that is too small for some values is not an error here.
        """
        variant = self.variants[row]
        if axis.name == "stem" and len(self.rows) > 1 and not variant.small_stem:
            return UsageError(f"{row} has only one stem; omit the axis stem")
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
        """Returns one axis for each stage of each architecture."""
        axes = []
        for row, variant in self.variants.items():
            column = stage_column(variant.row, name)
            if column is None:
                raise UsageError(
                    f"the table of {row} has no {name} for each stage; omit it from per_stage"
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
