"""Predicts the classes of images."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kerascnn.inference.image_inputs import BATCH, Prediction
from kerascnn.inference.open_classifier import open_classifier
from kerascnn.inference.predictor import Predictor
from kerascnn.runs.run import Run

if TYPE_CHECKING:
    import keras

    from kerascnn.imaging.preprocessing import Preprocessing


def predict(
    model_or_run: keras.Model | Run | str | os.PathLike[str],
    images: Any,
    *,
    top: int = 5,
    preprocessing: Preprocessing | None = None,
    class_names: Sequence[str] | None = None,
    trust: bool = False,
) -> list[Prediction]:
    """Predicts the most probable classes of images, in the runtime and precision of the file.

    A Keras model is compiled at its first prediction. For many calls keep the model or the `Run`,
    or create a `Predictor`, which also chooses the fastest runtime.

    Args:
        model_or_run: a model, a `Run` (its best model), or the path of a run directory, .keras
            file, file of `save_weights`, ONNX file, SavedModel or export.
        images: a path, encoded bytes, a Pillow image or an array, or a list of them; a folder
            (its image files, subfolders included, in sorted order); or an array of N x H x W x C
            images. Arrays have values from 0 to 255, or floats from 0 to 1.
        top: number of classes to return, at least 1; at most all are returned.
        preprocessing: None takes that of the run, the artifact or the model's weights. It must be
            given where nothing tells it, as for a file that other programs wrote.
        class_names: None takes those of the run or artifact, or else of the model's weights.
        trust: open a SavedModel, which is a program.

    Returns:
        One `Prediction` for each image, in order; [] for [].

    Raises:
        UsageError: nothing tells which preprocessing the weights need.
        DataError: a file is missing, or a folder has no images.
        DamagedFileError: a file cannot be read as an image.
        MismatchError: the number of names is not that of the classes, or an array does not fit.
        UnsafeFileError: a SavedModel without `trust`, or a file that contains code.
    """
    network = open_classifier(model_or_run, trust=trust)
    predictor = Predictor(
        network,
        precision="float32" if network.precision == "float32" else "auto",
        batch_size=BATCH,
        preprocessing=preprocessing,
        class_names=class_names,
    )
    return predictor(images, top=top)
