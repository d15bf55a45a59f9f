"""Builds a model from its row: input, preprocessing, body, head and name."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

from kerascnn.imaging.preprocessing import Preprocessing
from kerascnn.lazy import keras
from kerascnn.models.planning import connect, plan, resolve
from kerascnn.models.registry import Variant
from kerascnn.models.request import Provenance, Request


def with_input_shape(request: Request, input_tensor: Any) -> Request:
    """Returns the request with the shape of `input_tensor`, where it gives none of its own."""
    if input_tensor is None or request.input_shape is not None:
        return request
    return replace(request, input_shape=tuple(input_tensor.shape[1:]))


def build_model(
    variant: Variant, request: Request, input_tensor: Any = None, name: str | None = None
) -> keras.Model:
    """Builds the model that `request` asks for, with fresh weights; errors as in `plan`.

    Args:
        variant: the architecture's record.
        request: the builder's arguments; `weights` is not read.
        input_tensor: a Keras tensor to build on instead of a new input named `image`.
        name: of the model; the architecture's name when None.
    """
    request = with_input_shape(request, input_tensor)
    ledger = plan(variant, request)
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
    outputs = connect(variant, resolved, image)
    output = outputs if len(outputs) > 1 else next(iter(outputs.values()))
    model = keras.Model(inputs, output, name=name or variant.name)
    # The columns say what the graph is, those that published weights brought along among them.
    recorded = replace(request, stem=resolved.stem, weights=None)
    model.kerascnn_provenance = Provenance(variant.name, recorded.arguments())
    return model
