"""Puts input, preprocessing, body, head and name together, once for every architecture."""

from __future__ import annotations

import importlib
import math
import os
import sys
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from kerascnn.applications import blocks
from kerascnn.errors import MismatchError, UsageError
from kerascnn.imaging.preprocessing import Preprocessing
from kerascnn.lazy import keras
from kerascnn.models.costs import Plan, Planned, TooSmallError
from kerascnn.models.registry import ImageShape, Scale, Top, Variant

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


def _connect(variant: Variant, request: Request, image: Any) -> dict[str, Any]:
    """Returns the outputs by name: the network from image to predictions, planned or built."""
    row = variant.columns(request.columns)
    scale = Scale(request.depth, request.width, request.kernel_size, request.stem)
    made = variant.body(image, row, scale)
    x, taps = made if isinstance(made, tuple) else (made, {})
    x = blocks.layer("Identity", x, "features")
    if request.include_top:
        assert request.classes is not None  # resolved
        top = Top(request.classes, request.classifier_activation, request.dropout)
        joined = (taps,) if variant.skips else ()
        outputs = {"predictions": variant.head(x, row, scale, top, *joined)}
        if variant.auxiliary is not None and taps:
            outputs.update(variant.auxiliary(taps, row, scale, top))
        return outputs
    if request.pooling == "flatten":
        x = blocks.flatten(x, "pool")
    elif request.pooling is not None:
        kind = {"avg": "GlobalAveragePooling2D", "max": "GlobalMaxPooling2D"}[request.pooling]
        x = blocks.layer(kind, x, "pool")
    return {"features": x}


def plan(variant: Variant, request: Request) -> Plan:
    """Returns the ledger of the network that `request` asks for, without building it.

    Raises:
        UsageError: an argument is out of range.
        MismatchError: the image is too small (the message names the smallest that fits), or the
            head needs a fixed size.
    """
    ledger = Plan()
    try:
        plan_into(ledger, variant, request)
    except TooSmallError:
        shape = resolve(variant, request).input_shape
        assert shape is not None  # resolved
        least = minimum_size(variant, request)
        raise MismatchError(
            f"{variant.name} with these arguments needs an image of at least {least} x {least} "
            f"pixels, got {shape[0]} x {shape[1]}; resize the images or take a smaller network"
        ) from None
    return ledger


def plan_into(ledger: Plan, variant: Variant, request: Request) -> dict[str, Planned]:
    """Writes the network into a ledger of any kind and returns its outputs by name.

    Raises:
        UsageError: an argument is out of range.
        TooSmallError: the image is too small; nobody looks for the smallest that fits.
        FixedSizeError: the head needs a fixed size.
    """
    request = resolve(variant, request)
    assert request.input_shape is not None  # resolved
    return _connect(variant, request, ledger.image(request.input_shape))


def minimum_size(variant: Variant, request: Request) -> int:
    """Returns the smallest side of a square image that the network can take, in pixels."""
    request = resolve(variant, request)
    assert request.input_shape is not None  # resolved
    channels = request.input_shape[2]

    def fits(side: int) -> bool:
        try:
            _connect(variant, request, Plan().image((side, side, channels)))
        except TooSmallError:
            return False
        return True

    high = 1
    while not fits(high):
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle) else (middle, high)
    return high


def assemble(
    variant: Variant, request: Request, input_tensor: Any = None, name: str | None = None
) -> keras_.Model:
    """Builds the model that `request` asks for; errors as in `plan` and `load_weights`.

    Args:
        variant: the architecture's record.
        request: the builder's arguments.
        input_tensor: a Keras tensor to build on instead of a new input named `image`.
        name: of the model; the architecture's name when None.
    """
    if input_tensor is not None and request.input_shape is None:
        request = replace(request, input_shape=tuple(input_tensor.shape[1:]))
    sources = None
    if request.weights is not None:
        sources = importlib.import_module("kerascnn.weights.locate")
        request = sources.completed(request.weights, variant, request)
    ledger = plan(variant, request)
    # At hand before anything is built.
    weights = sources and sources.for_request(request.weights, variant, request)
    # Keras walks the graph by recursion, a frame for every layer of the longest path, here and
    # when a model is cloned or loaded, and Python allows 1,000.
    sys.setrecursionlimit(max(sys.getrecursionlimit(), 500 + len(ledger.entries)))
    resolved = resolve(variant, request)
    if input_tensor is None:
        image = inputs = keras.Input(resolved.input_shape, name="image", dtype="float32")
    else:
        image = input_tensor
        inputs = keras.utils.get_source_inputs(input_tensor)
    if request.include_preprocessing:
        # Sizes do not matter here; channels other than the row's share the mean of its values.
        shape = (1, 1, image.shape[-1])
        factor, offset = Preprocessing.for_data(shape, shape, variant.preprocessing).affine()
        image = keras.layers.Rescaling(factor, offset, name="preprocessing")(image)
    outputs = _connect(variant, resolved, image)
    made = outputs if len(outputs) > 1 else next(iter(outputs.values()))
    model = keras.Model(inputs, made, name=name or variant.name)
    # The columns say what the graph is, those that published weights brought along among them.
    recorded = replace(request, stem=resolved.stem, weights=None)
    model.kerascnn_provenance = Provenance(variant.name, recorded.arguments())
    if weights is not None:
        importlib.import_module("kerascnn.weights.load").load_weights(model, weights.path)
        weights.adopt(model)
    return model
