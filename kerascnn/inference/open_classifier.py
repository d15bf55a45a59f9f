"""Opens a classifier from a model, a run, a file of weights or an exported file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from kerascnn.imaging.preprocessing import Preprocessing
from kerascnn.inference.classifier import Classifier
from kerascnn.models import signature
from kerascnn.runs.run import CONFIG, Run, load_run, read_model

if TYPE_CHECKING:
    import keras


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
    from kerascnn.models.auxiliary import served

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
