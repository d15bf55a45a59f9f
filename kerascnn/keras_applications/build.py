"""Builds the models of keras.applications from our rows."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from kerascnn.imaging.preprocessing import IMAGENET_STD, Preprocessing
from kerascnn.keras_applications import checks
from kerascnn.keras_applications.preprocessing import values
from kerascnn.keras_applications.table import Application
from kerascnn.keras_applications.weights import class_names, load
from kerascnn.lazy import keras
from kerascnn.models.adopted import adopt
from kerascnn.models.images_and_classes import attach
from kerascnn.models.layer import Tensor, translated
from kerascnn.models.planning import plan
from kerascnn.models.registry import Scale, Top, Variant, model_info
from kerascnn.models.request import ImageShape, Request
from kerascnn.weights.expected_shapes import expected
from kerascnn.weights.name_maps import layouts


def build(application: Application, arguments: Mapping[str, Any], name: str | None) -> keras.Model:
    """Returns a model of keras.applications.

    Args:
        application: its entry in the table.
        arguments: of its function.
        name: of the model.

    Raises:
        UsageError: an argument is invalid, as in Keras.
        MismatchError: the weights do not fit.
        DownloadError: the weights cannot be downloaded.
    """
    checks.check_weights(arguments)
    shape = checks.image_shape(application, arguments)
    checks.check_width(application, arguments)
    side = checks.published_side(application, arguments, shape)
    variant = model_info(application.row)
    columns = application.columns(variant.row, arguments)
    request = Request(
        include_top=arguments["include_top"],
        input_shape=shape,
        classes=arguments["classes"],
        columns=columns,
    )
    row = variant.columns(columns)
    translation = application.translation(arguments)(
        keras_names(variant, request), arguments.get("depth_multiplier", 1)
    )
    tensor = arguments["input_tensor"]
    image = keras.Input(shape) if tensor is None else tensor
    inputs = image if tensor is None else keras.utils.get_source_inputs(tensor)
    x = scaled(application, arguments, image)
    with translated(translation):
        x = variant.body(x, row, Scale())
    if arguments["include_top"]:
        dropout = arguments.get("dropout", arguments.get("dropout_rate", application.dropout))
        top = Top(arguments["classes"], arguments["classifier_activation"], dropout)
        x = translation.head(x, top, getattr(row, "hidden", 0))
    else:
        x = translation.pooled(x, arguments["pooling"])
    # See `kerascnn.models.build`; a layer of ours is at most two of Keras's.
    sys.setrecursionlimit(max(sys.getrecursionlimit(), 500 + 5 * len(translation.weighted)))
    model = keras.Model(inputs, x, name=name or _name(arguments, shape, side))
    if arguments["weights"] is not None:
        load(model, translation, application, arguments, request, side)
    adopt(model, preprocessing(application, arguments, shape), class_names(arguments))
    attach(model)
    return model


def keras_names(variant: Variant, request: Request) -> dict[str, str]:
    """Returns the names in Keras's code of our layers with weights."""
    full = replace(request, include_top=True, input_shape=None)
    names = list(expected(plan(variant, full)))
    return layouts(variant.family)["keras"](names)


def scaled(application: Application, arguments: Mapping[str, Any], image: Tensor) -> Tensor:
    """Returns the pixels as the first convolution reads them."""
    layers = keras.layers
    if arguments.get("include_preprocessing"):
        return layers.Rescaling(1 / 127.5, -1.0)(image)
    if not application.scales:
        return image
    x = layers.Normalization(axis=-1)(layers.Rescaling(1 / 255)(image))
    if arguments["weights"] == checks.IMAGENET:
        # The published files have the deviations where Keras expects the variances.
        x = layers.Rescaling([1 / math.sqrt(deviation) for deviation in IMAGENET_STD])(x)
    return x


def preprocessing(
    application: Application, arguments: Mapping[str, Any], shape: ImageShape
) -> Preprocessing:
    """Returns how images are prepared for a model, besides the scaling that the model contains."""
    side = shape[0] or application.side, shape[1] or application.side
    base = Preprocessing(size=side, channels="rgb" if shape[2] == 3 else "any")
    if application.scales or arguments.get("include_preprocessing"):
        return replace(base, scale=1.0)
    return replace(base, **values(application.mode, shape[2]))


def _name(arguments: Mapping[str, Any], shape: ImageShape, side: int) -> str:
    """Returns the name of a MobileNet or MobileNetV2."""
    rows = side if arguments["weights"] == checks.IMAGENET else shape[0]
    version = "mobilenet" if "depth_multiplier" in arguments else "mobilenetv2"
    return f"{version}_{arguments['alpha']:0.2f}_{rows}"
