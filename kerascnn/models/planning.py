"""Checks a request, connects the network's parts, and plans the network without building it."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Any

from kerascnn.errors import MismatchError, UsageError
from kerascnn.imaging.axes import channels_last, is_channels_first
from kerascnn.models.costs import Plan, Planned, TooSmallError
from kerascnn.models.layer import layer, prefixed
from kerascnn.models.registry import Scale, Top, Variant
from kerascnn.models.request import ImageShape, Request

PREFIX = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9_-]{0,63})?")
"""What `prefix` may be: empty, or a beginning of layer names that every format can hold."""
POOLINGS = (None, "avg", "max", "flatten")
STEMS = ("paper", "small", "auto")
SMALL_IMAGE = 64
"""With stem="auto", images up to this many pixels a side get the small stem."""


def plan(variant: Variant, request: Request) -> Plan:
    """Returns the plan of the network that `request` asks for, without building the network.

    Raises:
        UsageError: an argument is out of range.
        MismatchError: the image is too small (the message names the smallest that fits), or the
            head needs a fixed size.
    """
    network_plan = Plan()
    try:
        plan_into(network_plan, variant, request)
    except TooSmallError:
        shape = resolve(variant, request).input_shape
        assert shape is not None  # set by `resolve`
        least = minimum_size(variant, request)
        raise MismatchError(
            f"{variant.name} with these arguments needs an image of at least {least} x {least} "
            f"pixels, got {shape[0]} x {shape[1]}; resize the images or use a smaller network"
        ) from None
    return network_plan


def plan_into(network_plan: Plan, variant: Variant, request: Request) -> dict[str, Planned]:
    """Adds the network's layers to a plan and returns the network's outputs by name.

    Args:
        network_plan: an empty plan; a search passes one that caches costs.
        variant: the architecture's record.
        request: the builder's arguments.

    Raises:
        UsageError: an argument is out of range.
        TooSmallError: the image is too small. Unlike `plan`, this does not compute the smallest
            size that fits, which takes several more plans.
        FixedSizeError: the head needs a fixed size.
    """
    request = resolve(variant, request)
    assert request.input_shape is not None  # set by `resolve`
    return connect(variant, request, network_plan.image(request.input_shape))


def minimum_size(variant: Variant, request: Request) -> int:
    """Returns the side in pixels of the smallest square image that the network accepts."""
    request = resolve(variant, request)
    assert request.input_shape is not None  # set by `resolve`
    channels = request.input_shape[2]

    def fits(side: int) -> bool:
        try:
            connect(variant, request, Plan().image((side, side, channels)))
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


def connect(variant: Variant, request: Request, image: Any) -> dict[str, Any]:
    """Connects body and head of a network, and returns its outputs by name.

    Args:
        variant: the architecture's record.
        request: as `resolve` returns it.
        image: a Keras tensor, which builds the layers, or a `Planned` tensor, which plans them.
    """
    with prefixed(request.prefix):
        return _connect(variant, request, image)


def _connect(variant: Variant, request: Request, image: Any) -> dict[str, Any]:
    row = variant.columns(request.columns)
    scale = Scale(request.depth, request.width, request.kernel_size, request.stem)
    body_output = variant.body(image, row, scale)
    x, taps = body_output if isinstance(body_output, tuple) else (body_output, {})
    x = layer("Identity", x, "features")
    if request.include_top:
        assert request.classes is not None  # set by `resolve`
        top = Top(request.classes, request.classifier_activation, request.dropout)
        skip_inputs = (taps,) if variant.skips else ()
        outputs = {"predictions": variant.head(x, row, scale, top, *skip_inputs)}
        if variant.auxiliary is not None and taps:
            outputs.update(variant.auxiliary(taps, row, scale, top))
        return outputs
    if request.pooling == "flatten":
        x = layer("Flatten", x, "pool")
    elif request.pooling is not None:
        kind = {"avg": "GlobalAveragePooling2D", "max": "GlobalMaxPooling2D"}[request.pooling]
        x = layer(kind, x, "pool")
    return {"features": x}


def resolve(variant: Variant, request: Request) -> Request:
    """Returns the checked request, with the row's input shape and classes where it has none.

    `stem` is then "paper" or "small". The softmax of a single class, which would always be 1, is
    then a sigmoid.

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
    if not isinstance(request.prefix, str) or not PREFIX.fullmatch(request.prefix):
        raise UsageError(
            "prefix must be text of at most 64 letters, digits, '_' or '-', and begin with a "
            f"letter or digit, got {request.prefix!r}"
        )
    stem = request.stem
    if stem == "auto":
        sides = [side for side in shape[:2] if side is not None]
        small = variant.small_stem and sides and max(sides) <= SMALL_IMAGE
        stem = "small" if small else "paper"
    activation = request.classifier_activation
    if request.include_top and classes == 1 and activation == "softmax":
        activation = "sigmoid"
    return replace(
        request, input_shape=shape, classes=classes, stem=stem, classifier_activation=activation
    )


def _checked_shape(variant: Variant, shape: Any) -> ImageShape:
    if shape is None:
        return variant.input_shape
    sides = list(shape) if isinstance(shape, list | tuple) else [shape]
    whole = all(
        size is None or (isinstance(size, int) and not isinstance(size, bool) and size > 0)
        for size in sides
    )
    if whole and len(sides) == 3 and sides[2] is not None and not is_channels_first(sides):
        return sides[0], sides[1], sides[2]
    advice = _order_of(variant, sides) if whole else None
    raise UsageError(
        f"input_shape must be (height, width, channels), channels last, got {shape!r}; height and "
        "width may be None, channels may not" + (f"; write {advice}" if advice else "")
    )


def _order_of(variant: Variant, sides: list[int | None]) -> tuple[int | None, ...] | None:
    """Returns (height, width, channels) for sizes in another order or without some; or None."""
    if len(sides) == 4:  # with a batch axis
        sides = sides[1:]
    if len(sides) == 3:
        if is_channels_first(sides):
            return channels_last(sides)
        sides = sides[:2] if sides[2] is None else sides
    if len(sides) == 1:
        sides = sides * 2
    channels = variant.input_shape[2]
    return {2: (*sides, channels), 3: tuple(sides)}.get(len(sides))


def _check_number(name: str, value: Any, low: float, high: float) -> None:
    valid = isinstance(value, int | float) and not isinstance(value, bool)
    if not valid or not math.isfinite(value) or not low < value <= high:
        raise UsageError(f"{name} must be a number above {low:g} and up to {high:g}, got {value!r}")
