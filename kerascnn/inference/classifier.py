"""One view of everything that tells classes apart: models, runs, saved files and artifacts.

A `Classifier` maps a batch of prepared images to a score for each class. Evaluating and predicting
know nothing else of a network, so that they treat Keras models, SavedModels and ONNX files alike.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kerascnn.errors import MismatchError
from kerascnn.imaging.preprocessing import Preprocessing
from kerascnn.lazy import np
from kerascnn.models import signature
from kerascnn.runs.run import CONFIG, Run, load_run, read_model

if TYPE_CHECKING:
    import keras
    import numpy as np

SAVED_MODEL = "saved_model.pb"
OPENVINO = "model.xml"
EXPORTED = (
    "model.onnx",
    "openvino",
    "savedmodel",
    "model.tflite",
    "model-float16.onnx",
    "model-int8.onnx",
    "model-float16.tflite",
    "model-dynamic.tflite",
    "model-int8.tflite",
)
"""What an export directory may hold; the first of them that is there is taken."""
WEIGHTS = (".weights.h5", ".safetensors", ".npz")


Scores = Callable[["np.ndarray"], "np.ndarray"]


@dataclass(frozen=True, eq=False)
class Classifier:
    """Something that tells classes apart.

    Attributes:
        name: what to call it in messages.
        scores: from a float32 batch (N, H, W, C) of prepared images to scores (N, classes).
        logits: whether a softmax makes the scores probabilities; otherwise they are.
        image_shape: height, width, channels of its input; None where any size is taken.
        classes: how many it tells apart.
        class_names: their names, where what it was read from says them.
        preprocessing: how an image becomes its input, likewise.
        model: the Keras model behind it, if there is one.
        runtime: what it runs in, one of `runtimes.RUNTIMES`.
        precision: of its weights and of what it computes.
        half: makes another `scores` that computes in bfloat16; None where the runtime or the
            processor cannot.
    """

    name: str
    scores: Scores
    logits: bool
    image_shape: signature.ImageShape
    classes: int
    class_names: tuple[str, ...] | None = None
    preprocessing: Preprocessing | None = None
    model: keras.Model | None = None
    runtime: str = "tensorflow"
    precision: str = "float32"
    half: Callable[[], Scores] | None = None

    def log_probabilities(self, batch: np.ndarray) -> np.ndarray:
        """Returns ln p of each class for each image, float64 (N, classes)."""
        return log_probabilities(self.scores(batch), logits=self.logits)

    def preprocessing_for(self, data_shape: signature.ImageShape) -> Preprocessing:
        """Returns how images of height, width, channels (None where they vary) become its input.

        Raises:
            MismatchError: the channels cannot be converted.
        """
        if self.preprocessing is not None:
            return self.preprocessing
        if self.model is not None:
            return signature.preprocessing_for(self.model, data_shape)
        return Preprocessing.for_data(data_shape, self.image_shape)

    def check_classes(self, names: tuple[str, ...], source: str) -> None:
        """Raises MismatchError unless it tells just these classes apart, in this order."""
        if self.class_names is not None and self.class_names != names:
            raise MismatchError(
                f"{self.name} was trained on the classes {_some(self.class_names)}, but {source} "
                f"has {_some(names)}; names and order must be the same"
            )
        if self.classes != len(names):
            raise MismatchError(
                f"{self.name} has {self.classes} outputs, but {source} has {len(names)} classes; "
                f"build the model with classes={len(names)}"
            )


def open_classifier(
    source: Classifier | keras.Model | Run | str | os.PathLike[str],
    *,
    trust: bool = False,
    runtime: str | None = None,
    threads: int | None = None,
) -> Classifier:
    """Opens whatever tells classes apart.

    Args:
        source: a Keras model; a `Run` or its directory (the best model); a .keras file (beside a
            run's configuration, with its preprocessing); a file of `save_weights`; an ONNX, LiteRT
            or OpenVINO file, a SavedModel directory, or the directory that `export` wrote.
        trust: open a SavedModel, which is a program and may do anything that you may.
        runtime: for an ONNX file: "onnxruntime", also when None, or "openvino".
        threads: for ONNX, OpenVINO and LiteRT files; None for as many as there are processors.

    Raises:
        UsageError: the path is none of these.
        UnsafeFileError: it is a SavedModel without `trust`, or a file that holds code or asks for
            other files.
        DamagedFileError: it is truncated or corrupt.
        MismatchError: it does not map one batch of images to one row of scores each.
    """
    if isinstance(source, Classifier):
        return source
    if isinstance(source, Run):
        return _of_run(source)
    if not isinstance(source, (str, os.PathLike)):
        return of_model(source)
    path = Path(source)
    if path.is_dir():
        if not (path / CONFIG).exists():
            path = next((path / name for name in EXPORTED if (path / name).exists()), path)
        if (path / SAVED_MODEL).exists():
            from kerascnn.inference.open_artifact import open_savedmodel

            return open_savedmodel(path, trust=trust)
        path = path / OPENVINO if (path / OPENVINO).exists() else path
    if path.suffix in (".onnx", ".xml", ".tflite"):
        from kerascnn.inference import open_artifact

        if path.suffix == ".onnx":
            return open_artifact.open_onnx(path, runtime=runtime or "onnxruntime", threads=threads)
        if path.suffix == ".xml":
            return open_artifact.open_openvino(path, threads=threads)
        return open_artifact.open_litert(path, threads=threads)
    if path.suffix == ".keras" and path.is_file():
        return _of_file(path)
    if path.name.endswith(WEIGHTS):
        from kerascnn.weights.save import load_model

        return of_model(load_model(path), name=str(path))
    return _of_run(load_run(path))


def of_model(
    model: keras.Model,
    *,
    name: str | None = None,
    class_names: tuple[str, ...] | None = None,
    preprocessing: Preprocessing | None = None,
) -> Classifier:
    """Returns a Keras model as a classifier; a softmax at its end is left out, for exact losses.

    Of a network with auxiliary classifiers the last one counts.
    """
    from kerascnn.training.losses import served

    if len(getattr(model, "outputs", None) or ()) > 1:
        whole, model = model, served(model)
        signature.adopt(model, signature.adopted_preprocessing(whole))
    return Classifier(
        name=name or model.name,
        scores=signature.forward(model, before_softmax=True),
        logits=signature.gives_logits(model) or signature.ends_in_softmax(model),
        image_shape=signature.image_shape(model),
        classes=signature.class_count(model),
        class_names=class_names,
        preprocessing=preprocessing,
        model=model,
    )


def _of_run(run: Run) -> Classifier:
    return of_model(
        run.best_model,
        name=str(run.path),
        class_names=run.class_names,
        preprocessing=run.preprocessing,
    )


def _of_file(path: Path) -> Classifier:
    model = read_model(path)
    if not (path.parent / CONFIG).exists():
        return of_model(model, name=str(path))
    run = load_run(path.parent)
    return of_model(
        model, name=str(path), class_names=run.class_names, preprocessing=run.preprocessing
    )


def log_probabilities(scores: np.ndarray, *, logits: bool) -> np.ndarray:
    """Returns ln p in float64; a probability of 0 counts as the least that float32 can hold."""
    scores = scores.astype(np.float64)
    if not logits:
        return np.log(np.clip(scores, np.finfo(np.float32).tiny, 1.0))
    scores -= scores.max(axis=1, keepdims=True)
    return scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))


def mean_log_probabilities(parts: list[np.ndarray]) -> np.ndarray:
    """Returns the logarithm of the mean of probabilities that are given by their logarithms."""
    if len(parts) == 1:
        return parts[0]
    highest = np.maximum.reduce(parts)
    return highest + np.log(np.mean([np.exp(part - highest) for part in parts], axis=0))


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:5]) + (f", … ({len(names)})" if len(names) > 5 else "")
