"""Predicts the classes of images."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kerascnn.inference.image_inputs import BATCH, Prediction
from kerascnn.inference.open_classifier import open_classifier
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
    """Names the likeliest classes of images, computed as the model or the file says.

    A model is compiled at its first use here: keep it, or the `Run`, for one image after another;
    or open a `Predictor`, which also chooses what is fastest.

    Args:
        model_or_run: a model, a `Run` (its best model), or the path of a run directory, .keras
            file, file of `save_weights`, ONNX file, SavedModel or export.
        images: paths, encoded bytes, Pillow images or arrays, one or a list of them; a folder
            (its image files, subfolders included, in sorted order); or an array of N x H x W x C
            images. Arrays hold values from 0 to 255, or floats from 0 to 1.
        top: number of classes to name, at least 1; at most all.
        preprocessing: the run's or artifact's, or else the architecture's, when None.
        class_names: the run's or artifact's, or those that the model's weights name, when None.
        trust: open a SavedModel, which is a program.

    Returns:
        One `Prediction` an image, in order; [] for [].

    Raises:
        DataError: a file is missing, or a folder holds no images.
        DamagedFileError: a file is no image that can be read.
        MismatchError: the number of names is not the model's, or an array does not fit.
        UnsafeFileError: a SavedModel without `trust`, or a file with code in it.
    """
    from kerascnn.inference.predictor import Predictor

    network = open_classifier(model_or_run, trust=trust)
    predictor = Predictor(
        network,
        precision="float32" if network.precision == "float32" else "auto",
        batch_size=BATCH,
        preprocessing=preprocessing,
        class_names=class_names,
    )
    return predictor(images, top=top)
