"""Builds the Keras model of an architecture: input, preprocessing, body and head."""

from __future__ import annotations

import sys
import warnings
from dataclasses import replace
from typing import Any

from kerascnn.errors import UsageError
from kerascnn.imaging.preprocessing import Preprocessing
from kerascnn.lazy import keras
from kerascnn.models.images_and_classes import attach
from kerascnn.models.layer import layer, prefixed
from kerascnn.models.planning import connect, plan, resolve
from kerascnn.models.provenance import set_provenance
from kerascnn.models.registry import Variant
from kerascnn.models.request import Provenance, Request


def with_input_shape(request: Request, input_tensor: Any) -> Request:
    """Returns the request with the shape of `input_tensor`, if there is one.

    Raises:
        UsageError: the request has another shape.
    """
    if input_tensor is None:
        return request
    shape, asked = tuple(input_tensor.shape[1:]), request.input_shape
    if asked is not None and not (
        isinstance(asked, list | tuple)
        and len(asked) == len(shape)
        and all(None in pair or pair[0] == pair[1] for pair in zip(asked, shape, strict=True))
    ):
        raise UsageError(
            f"input_tensor has the shape {shape} and input_shape is {asked}; give only one of them"
        )
    return replace(request, input_shape=shape)


def build_model(
    variant: Variant, request: Request, input_tensor: Any = None, name: str | None = None
) -> keras.Model:
    """Builds the model that `request` asks for, with newly initialised weights.

    Args:
        variant: the architecture's record.
        request: the builder's arguments; `weights` is not read.
        input_tensor: a Keras tensor to build on instead of a new input named `image`.
        name: of the model; when None, the request's prefix and the architecture's name.

    Raises:
        UsageError, MismatchError: as `plan`.
    """
    request = with_input_shape(request, input_tensor)
    layer_count = len(plan(variant, request).entries)
    # Keras visits the layers by recursion when it builds, clones or loads a model: one frame for
    # each layer of the longest path. Python's default limit is 1,000 frames.
    sys.setrecursionlimit(max(sys.getrecursionlimit(), 500 + layer_count))
    resolved = resolve(variant, request)
    if input_tensor is None:
        image = inputs = keras.Input(
            resolved.input_shape, name=f"{request.prefix}image", dtype="float32"
        )
    else:
        image = input_tensor
        inputs = keras.utils.get_source_inputs(input_tensor)
    if request.include_preprocessing:
        # The size is irrelevant for the scaling of values. If the number of channels differs from
        # the row's, every channel gets the average of the row's values.
        shape = (1, 1, image.shape[-1])
        factor, offset = Preprocessing.for_data(shape, shape, variant.preprocessing).affine()
        with prefixed(request.prefix):
            image = layer("Rescaling", image, "preprocessing", scale=factor, offset=offset)
    if resolved.classifier_activation != request.classifier_activation:
        warnings.warn(
            f"{variant.name} with classes=1 gets a sigmoid, since a softmax over one class is "
            'always 1; classifier_activation="sigmoid" says so, and None gives logits',
            stacklevel=4,
        )
    outputs = connect(variant, resolved, image)
    output = outputs if len(outputs) > 1 else next(iter(outputs.values()))
    model = keras.Model(inputs, output, name=name or request.prefix + variant.name)
    # The recorded columns include those that published weights set, so they describe the graph.
    recorded = replace(
        request,
        stem=resolved.stem,
        classifier_activation=resolved.classifier_activation,
        weights=None,
    )
    set_provenance(model, Provenance(variant.name, recorded.arguments()))
    attach(model)
    return model
