"""Creates models by name, with newly initialised or with trained weights."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Unpack

from kerascnn.models.build import build_model, with_input_shape
from kerascnn.models.planning import plan
from kerascnn.models.registry import Variant, model_info, set_builder
from kerascnn.models.request import ImageShape, Request

if TYPE_CHECKING:
    import keras

    from kerascnn.models.columns import Columns


def create_model(
    architecture: str | Variant,
    /,
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int | None = None,
    classifier_activation: str | None = "softmax",
    name: str | None = None,
    *,
    dropout: float | None = None,
    depth: float = 1.0,
    width: float = 1.0,
    kernel_size: int | None = None,
    stem: str = "paper",
    include_preprocessing: bool = False,
    prefix: str = "",
    **columns: Unpack[Columns],
) -> keras.Model:
    """Returns a new model of an architecture, with newly initialised or with trained weights.

    Args:
        architecture: one of `list_models()`, or its record.
        include_top: whether the model ends with the paper's classifier; otherwise it ends with
            `features`.
        weights: None for newly initialised weights; "imagenet" for the architecture's default
            among the published weights; a tag of `kerascnn weights list`; an https address; or a
            path. Published weights set the columns of their network that are not arguments here. A
            classifier for other classes is newly initialised; see `load_weights`.
        input_tensor: a Keras tensor to build on, instead of a new input.
        input_shape: (height, width, channels); None for the paper's. Height and width may be None
            if the head allows it. Channels before height and width are refused: a first size of 1,
            3 or 4, a larger second one, and a last one above 4.
        pooling: without the classifier: None for the feature map, "avg", "max" or "flatten".
        classes: number of classes; None for the paper's.
        classifier_activation: "softmax", which becomes a sigmoid for a single class; "sigmoid"; or
            None for logits.
        name: of the model; None for the architecture's name.
        dropout: rate in [0, 1) before the classifier; None for the paper's.
        depth: multiplies the repeats of every stage, > 0.
        width: multiplies every channel count, > 0.
        kernel_size: odd size of the family's spatial filters; None for the paper's.
        stem: first layers: "paper"; "small" (stride 1, for images up to about 64 pixels); or "auto"
            (chosen by the image size).
        include_preprocessing: whether the model scales pixels from 0 to 255 itself.
        prefix: text before the name of every layer and, unless `name` sets it, of the model, so
            that one model can contain two networks: up to 64 letters, digits, "_" or "-".
        **columns: any column of the row (`model_info(architecture).own_columns`).

    Returns:
        A functional `keras.Model` with the layers `image`, `features` and `predictions`, whose
        names begin with `prefix`. Its methods are `preprocess(images)`, which returns its input
        for paths, arrays or Pillow images, and `decode(predictions, top=5)`, which names the
        best classes.

    Raises:
        UsageError: an argument is unknown or out of range.
        MismatchError: the image is too small, its size must be known, or the weights belong to
            another network.
        DownloadError: the weights cannot be downloaded.
    """
    variant = model_info(architecture) if isinstance(architecture, str) else architecture
    request = Request(
        include_top=include_top,
        weights=weights,
        input_shape=input_shape,
        pooling=pooling,
        classes=classes,
        classifier_activation=classifier_activation,
        dropout=dropout,
        depth=depth,
        width=width,
        kernel_size=kernel_size,
        stem=stem,
        include_preprocessing=include_preprocessing,
        prefix=prefix,
        columns=dict(columns),
    )
    return build(variant, request, input_tensor, name)


def build(
    variant: Variant, request: Request, input_tensor: Any = None, name: str | None = None
) -> keras.Model:
    """Returns the model that `request` describes; arguments and errors as in `create_model`."""
    source = request.weights
    if source is None:
        return build_model(variant, request, input_tensor, name)
    from kerascnn.weights import locate
    from kerascnn.weights.load import load_located
    from kerascnn.weights.source_network import with_needed_columns

    request = with_input_shape(request, input_tensor)
    request = locate.with_published_columns(source, variant, request)
    plan(variant, request)  # raises an error for impossible requests before any download
    weights = locate.for_request(source, variant, request)
    needed = request
    if weights.published is None:
        needed = with_needed_columns(weights.path, variant, request)
    model = build_model(variant, needed, input_tensor, name)
    report = load_located(model, weights)
    taken = {key: needed.columns[key] for key in needed.columns if key not in request.columns}
    model.kerascnn_load_report = replace(report, columns=taken)
    return model


set_builder(create_model)
