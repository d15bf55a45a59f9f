"""Puts input, preprocessing, body, head and name together, once for every architecture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kerascnn.applications import blocks
from kerascnn.errors import MismatchError
from kerascnn.models.costs import Plan, Planned, TooSmallError
from kerascnn.models.registry import Scale, Top, Variant
from kerascnn.models.request import Request, resolve

if TYPE_CHECKING:
    pass


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
