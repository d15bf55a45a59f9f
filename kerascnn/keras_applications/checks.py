"""Checks the arguments of the models of keras.applications, as Keras checks them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from kerascnn.errors import UsageError
from kerascnn.keras_applications.table import Application
from kerascnn.lazy import keras
from kerascnn.models.request import ImageShape
from kerascnn.weights.locate import is_source

IMAGENET = "imagenet"
CLASSES = 1000
# The sides and widths of which weights are published.
SIDES = {"MobileNet": (128, 160, 192, 224), "MobileNetV2": (96, 128, 160, 192, 224)}
WIDTHS = {
    "MobileNet": (0.25, 0.5, 0.75, 1.0),
    "MobileNetV2": (0.35, 0.5, 0.75, 1.0, 1.3, 1.4),
    "MobileNetV3Small": (0.75, 1.0),
    "MobileNetV3Large": (0.75, 1.0),
}


def check_weights(arguments: Mapping[str, Any]) -> None:
    """Raises UsageError when `weights`, `classes` or `classifier_activation` does not fit."""
    weights, classes = arguments["weights"], arguments["classes"]
    include_top, activation = arguments["include_top"], arguments["classifier_activation"]
    if weights is not None and not is_source(weights):
        raise UsageError(
            "The `weights` argument should be either `None` (random initialization), 'imagenet' "
            "(pre-training on ImageNet), or the path to the weights file to be loaded; a tag of "
            f"`kerascnn weights list` or an https address is allowed too. Received: {weights!r}"
        )
    if weights == IMAGENET and include_top and classes != CLASSES:
        raise UsageError(
            "If using `weights='imagenet'` with `include_top=True`, `classes` should be 1000. "
            f"Received classes={classes!r}"
        )
    if weights is not None and include_top:
        allowed = (keras.activations.softmax, keras.activations.linear)
        if keras.activations.get(activation) not in allowed:
            raise UsageError(
                "Only `None` and `softmax` activations are allowed for the "
                "`classifier_activation` argument when using pretrained weights, with "
                f"`include_top=True`; Received: classifier_activation={activation!r}"
            )


def check_width(application: Application, arguments: Mapping[str, Any]) -> None:
    """Raises UsageError when no weights are published for the width of a MobileNet."""
    if arguments["weights"] != IMAGENET or application.builder not in WIDTHS:
        return
    widths = (1.0,) if arguments.get("minimalistic") else WIDTHS[application.builder]
    if arguments.get("depth_multiplier", 1) != 1:
        raise UsageError(
            "If imagenet weights are being loaded, depth multiplier must be 1. Received "
            f"depth_multiplier={arguments['depth_multiplier']!r}"
        )
    if arguments["alpha"] not in widths:
        raise UsageError(
            "If imagenet weights are being loaded, alpha can be one of "
            f"{', '.join(map(str, widths))} only. Received alpha={arguments['alpha']!r}"
        )


def published_side(application: Application, arguments: Mapping[str, Any], shape: Any) -> int:
    """Returns the side of the images for which the published weights were trained.

    A warning tells when it is another one than that of the images.
    """
    sides = SIDES.get(application.builder, (application.side,))
    if shape[0] == shape[1] and shape[0] in sides:
        return int(shape[0])
    if arguments["weights"] == IMAGENET and application.builder in WIDTHS:
        warnings.warn(
            f"`input_shape` is undefined or non-square, or `rows` is not in {list(sides)}. "
            "Weights for input shape (224, 224) will be loaded as the default.",
            stacklevel=5,
        )
    return application.side


def image_shape(application: Application, arguments: Mapping[str, Any]) -> ImageShape:
    """Returns height, width and channels of the images.

    Raises:
        UsageError: the shape is invalid, too small, or not that of the weights.
    """
    if keras.config.image_data_format() != "channels_last":
        raise UsageError(
            "kerascnn.keras_applications builds channels_last networks only; call "
            "keras.config.set_image_data_format('channels_last')"
        )
    requested = _requested_shape(application, arguments)
    weights, include_top = arguments["weights"], arguments["include_top"]
    channels = 3 if weights == IMAGENET or requested is None else requested[-1]
    if application.builder.startswith("MobileNetV3"):
        shape = (None, None, 3) if requested is None else requested
        _check_sides(application, shape)
        return shape
    default = _default_side(application, requested)
    if weights == IMAGENET and include_top:
        if requested is not None and requested != (default, default, 3):
            raise UsageError(
                "When setting `include_top=True` and loading `imagenet` weights, `input_shape` "
                f"should be {(default, default, 3)}. Received: input_shape={requested}"
            )
        return default, default, 3
    if requested is None:
        return (default, default, channels) if include_top else (None, None, 3)
    if weights == IMAGENET and requested[-1] != 3:
        raise UsageError(f"The input must have 3 channels; Received `input_shape={requested}`")
    if requested[-1] not in (1, 3):
        warnings.warn(
            "This model usually expects 1 or 3 input channels. However, it was passed an "
            f"input_shape with {requested[-1]} input channels.",
            stacklevel=5,
        )
    _check_sides(application, requested)
    if include_top and None in requested:
        raise UsageError(
            "If `include_top` is True, you should specify a static `input_shape`. Received: "
            f"input_shape={requested}"
        )
    return requested


def _requested_shape(application: Application, arguments: Mapping[str, Any]) -> ImageShape | None:
    """Returns the shape of the arguments, or of the tensor for the networks that read it there."""
    shape, tensor = arguments["input_shape"], arguments["input_tensor"]
    if tensor is not None and not keras.backend.is_keras_tensor(tensor):
        raise UsageError(
            f"input_tensor is not a Keras tensor: got {type(tensor).__name__}; give the output of "
            "keras.Input or of a layer"
        )
    if shape is None:
        if tensor is not None and application.builder.startswith("MobileNetV"):
            return tensor.shape[1], tensor.shape[2], 3
        if application.builder.startswith("NASNet") and not arguments["include_top"]:
            return application.side, application.side, 3
        return None
    if not isinstance(shape, list | tuple) or len(shape) != 3:
        raise UsageError(f"`input_shape` must be a tuple of three integers. Received: {shape!r}")
    mobile = application.builder.startswith("MobileNetV")
    if mobile and tensor is not None and tensor.shape[2] != shape[1]:
        raise UsageError(
            "input_tensor.shape[2] must equal input_shape[1]; Received "
            f"`input_tensor.shape={tensor.shape}`, `input_shape={shape}`"
        )
    nasnet = application.builder.startswith("NASNet")
    if nasnet and None in shape and arguments["weights"] == IMAGENET:
        raise UsageError(
            "When specifying the input shape of a NASNet and loading `ImageNet` weights, the "
            f"input_shape argument must be static (no None entries). Got: `input_shape={shape}`."
        )
    height, width, channels = shape
    return height, width, channels


def _default_side(application: Application, requested: ImageShape | None) -> int:
    sides = SIDES.get(application.builder, ())
    if requested is not None and requested[0] == requested[1] and requested[0] in sides:
        assert requested[0] is not None  # it is one of the sides
        return requested[0]
    return application.side


def _check_sides(application: Application, shape: ImageShape) -> None:
    least = application.minimum
    if any(side is not None and side < least for side in shape[:2]):
        raise UsageError(
            f"Input size must be at least {least}x{least}; Received: input_shape={shape}"
        )
