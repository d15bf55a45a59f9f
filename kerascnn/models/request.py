"""The arguments of a builder, checked, and the record of what built a model."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from kerascnn.errors import UsageError
from kerascnn.models.registry import ImageShape, Variant

if TYPE_CHECKING:
    import keras as keras_


POOLINGS = (None, "avg", "max", "flatten")


STEMS = ("paper", "small", "auto")


SMALL_IMAGE = 64
"""Up to this many pixels a side, stem="auto" takes the small stem."""


@dataclass(frozen=True)
class Request:
    """What a user asked of a builder; `create_model` explains the fields."""

    include_top: bool = True
    weights: str | os.PathLike[str] | None = None
    input_shape: ImageShape | None = None
    pooling: str | None = None
    classes: int | None = None
    classifier_activation: str | None = "softmax"
    dropout: float | None = None
    depth: float = 1.0
    width: float = 1.0
    kernel_size: int | None = None
    stem: str = "paper"
    include_preprocessing: bool = False
    columns: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, arguments: dict[str, Any]) -> Request:
        """Returns the request with these keyword arguments, columns of the row among them."""
        own = {one.name for one in fields(cls)}
        columns = {key: value for key, value in arguments.items() if key not in own}
        return cls(**{k: v for k, v in arguments.items() if k in own}, columns=columns)

    def arguments(self) -> dict[str, Any]:
        """Returns what differs from the defaults, as keyword arguments of the builder."""
        default = Request()
        changed = {
            one.name: getattr(self, one.name)
            for one in fields(self)
            if one.name != "columns" and getattr(self, one.name) != getattr(default, one.name)
        }
        return {**changed, **self.columns}


@dataclass(frozen=True)
class Provenance:
    """Where a model comes from: `create_model(name, **arguments)` builds it again."""

    name: str
    arguments: dict[str, Any]


def provenance(model: keras_.Model) -> Provenance | None:
    """Returns the architecture and arguments that built `model`, or None for a foreign model."""
    found = getattr(model, "kerascnn_provenance", None)
    return found if isinstance(found, Provenance) else None


def _checked_shape(variant: Variant, shape: Any) -> ImageShape:
    if shape is None:
        return variant.input_shape
    good = isinstance(shape, list | tuple) and len(shape) == 3
    good = good and all(
        size is None or (isinstance(size, int) and not isinstance(size, bool) and size > 0)
        for size in shape
    )
    if not good or shape[2] is None:
        raise UsageError(
            f"input_shape must be (height, width, channels), channels last, got {shape!r}; "
            "height and width may be None, channels may not"
        )
    return shape[0], shape[1], shape[2]


def _check_number(name: str, value: Any, low: float, high: float) -> None:
    good = isinstance(value, int | float) and not isinstance(value, bool)
    if not good or not math.isfinite(value) or not low < value <= high:
        raise UsageError(f"{name} must be a number above {low:g} and up to {high:g}, got {value!r}")


def resolve(variant: Variant, request: Request) -> Request:
    """Returns the request with the row's own input shape and classes and the stem decided.

    Raises:
        UsageError: an argument is out of range.
    """
    shape = _checked_shape(variant, request.input_shape)
    classes = variant.classes if request.classes is None else request.classes
    if not isinstance(classes, int) or isinstance(classes, bool) or classes < 1:
        raise UsageError(f"classes must be a whole number of at least 1, got {classes!r}")
    if request.pooling not in POOLINGS:
        raise UsageError(f"pooling must be one of {POOLINGS}, got {request.pooling!r}")
    if request.stem not in STEMS:
        raise UsageError(f"stem must be one of {STEMS}, got {request.stem!r}")
    _check_number("depth", request.depth, 0, 64)
    _check_number("width", request.width, 0, 64)
    if request.dropout is not None and request.dropout != 0:
        _check_number("dropout", request.dropout, 0, 0.99)
    size = request.kernel_size
    if size is not None and (not isinstance(size, int) or size < 1 or size % 2 == 0 or size > 31):
        raise UsageError(f"kernel_size must be odd, from 1 to 31, or None, got {size!r}")
    stem = request.stem
    if stem == "auto":
        sides = [side for side in shape[:2] if side is not None]
        small = variant.small_stem and sides and max(sides) <= SMALL_IMAGE
        stem = "small" if small else "paper"
    return replace(request, input_shape=shape, classes=classes, stem=stem)
