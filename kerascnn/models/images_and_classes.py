"""`preprocess` and `decode` of models: from images to inputs, from scores to names."""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any

from kerascnn.lazy import keras, np
from kerascnn.models.adopted import (
    adopted_class_names,
    unknown_preprocessing,
    weights_preprocessing,
)
from kerascnn.models.auxiliary import MAIN, auxiliary_outputs, main_model
from kerascnn.models.decode_predictions import class_numbers, decode_predictions
from kerascnn.models.prepare_images import inputs_for
from kerascnn.models.scores import log_probabilities
from kerascnn.models.signature import class_count, gives_logits, image_shape

if TYPE_CHECKING:
    import numpy as np

Decoded = list[list[tuple[str, float]]]
"""For each image (name, probability) of the best classes, the best first."""


def attach(model: keras.Model) -> None:
    """Gives a model the methods `preprocess(images)` and `decode(predictions, top=5)`."""
    model.preprocess = types.MethodType(preprocess, model)
    model.decode = types.MethodType(decode, model)


def preprocess(model: keras.Model, images: Any) -> np.ndarray:
    """Returns the model's input for images, as `kerascnn.predict` prepares them.

    Args:
        model: a model of this package.
        images: (N, H, W, C) or (H, W, C) of any size with values from 0 to 255, uint8 or float
            (floats from 0 to 1 too); a path, encoded bytes or a Pillow image; a list of these; or
            a folder.

    Returns:
        float32, (N, height, width, channels); N is 1 for one image.

    Raises:
        UsageError: nothing tells which preprocessing the model's weights need.
        MismatchError: the channels cannot be converted, or the model takes any size and the images
            differ in size.
        DataError, DamagedFileError: as `kerascnn.predict`.
    """
    known, input_shape = weights_preprocessing(model), image_shape(model)
    if known is None:
        raise unknown_preprocessing(model.name, image_shape(model))
    return inputs_for(images, input_shape[2], lambda shape: known.for_images(shape, input_shape))


def _are_probabilities(table: np.ndarray) -> bool:
    """Returns whether the rows add up to 1, as those of logits after a softmax do."""
    sums = table.sum(1)
    return table.shape[1] > 1 and bool((table >= 0).all() and np.allclose(sums, 1, 0, 1e-3))


def decode(model: keras.Model, predictions: Any, top: int = 5) -> Decoded:
    """Returns the names and probabilities of the best classes of every image.

    Args:
        model: the model that made the predictions.
        predictions: its output, (N, classes), probabilities or logits.
        top: number of classes for each image, 1 or more; at most all are returned.

    Returns:
        For each image `top` pairs (name, probability), the highest first. The names are those of
        the classes of the model's weights; without them, the class numbers.

    Raises:
        MismatchError: the model has no classifier, or the predictions are not its output.
        UsageError: `top` is not a whole number from 1.
    """
    if auxiliary_outputs(model):
        predictions = predictions[MAIN] if isinstance(predictions, dict) else predictions[0]
        model = main_model(model)
    classes, names = class_count(model), adopted_class_names(model)
    table = np.asarray(predictions)
    if table.ndim == 2 and gives_logits(model) and not _are_probabilities(table):
        table = np.exp(log_probabilities(table, logits=True))
    return decode_predictions(table, names or class_numbers(classes), top)
