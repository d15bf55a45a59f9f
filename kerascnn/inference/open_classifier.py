"""Opens a classifier from a model, a run, a weight file or an exported file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from kerascnn.errors import KerasCNNError, UsageError
from kerascnn.exporting.formats import FORMATS
from kerascnn.imaging.preprocessing import Preprocessing
from kerascnn.inference.classifier import Classifier
from kerascnn.inference.open_artifact import SAVEDMODEL_FILE, SUFFIXES, open_artifact
from kerascnn.models import signature
from kerascnn.models.adopted import adopted_class_names, weights_preprocessing
from kerascnn.models.auxiliary import main_model
from kerascnn.runs.run import CONFIG, Run, load_run
from kerascnn.runtimes.contract import OPENVINO_MODEL
from kerascnn.weights.formats.checkpoint import open_checkpoint
from kerascnn.weights.formats.tf_checkpoint import index_file
from kerascnn.weights.keras_model import read_keras_model
from kerascnn.weights.save import load_model

if TYPE_CHECKING:
    import keras

EXPORTED = tuple(
    FORMATS[name].file
    for name in (
        "onnx",
        "openvino",
        "savedmodel",
        "litert",
        "onnx-float16",
        "onnx-int8",
        "litert-float16",
        "litert-dynamic",
        "litert-int8",
    )
)
"""The artifacts that an export directory may have, the preferred one first."""
_WEIGHT_SUFFIXES = (".weights.h5", ".safetensors", ".npz")


def open_classifier(
    source: Classifier | keras.Model | Run | str | os.PathLike[str],
    *,
    trust: bool = False,
    runtime: str | None = None,
    threads: int | None = None,
) -> Classifier:
    """Opens an image classifier from a model, a run or a file of any supported format.

    Args:
        source: a Keras model; a `Run` or its directory (the best model); a .keras file (one
            without a record has the preprocessing of the run directory that it lies in); a file of
            `save_weights`; an ONNX, LiteRT or OpenVINO file, a SavedModel directory, or a directory
            of `export`.
        trust: open a SavedModel, which is a program and may do anything that you may do.
        runtime: for an ONNX file: "onnxruntime" or "openvino"; None chooses "onnxruntime".
        threads: for ONNX, OpenVINO and LiteRT files; None uses all processors.

    Raises:
        UsageError: the path is none of these.
        UnsafeFileError: it is a SavedModel without `trust`, or a file that contains code or refers
            to other files.
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
        path = path / OPENVINO_MODEL if (path / OPENVINO_MODEL).exists() else path
    if path.suffix in SUFFIXES or (path / SAVEDMODEL_FILE).exists():
        return open_artifact(path, trust=trust, runtime=runtime or "onnxruntime", threads=threads)
    if path.suffix == ".keras" and path.is_file():
        return _of_file(path)
    if path.name.endswith(_WEIGHT_SUFFIXES):
        return of_model(load_model(path), name=str(path))
    if path.exists() and not (path / CONFIG).exists():
        raise _no_network(path)
    return _of_run(load_run(path))


def _no_network(path: Path) -> KerasCNNError:
    """Returns the error for a file or folder that exists and is none of these."""
    if path.is_dir() and index_file(path) is None:
        names = sorted(entry.name for entry in path.iterdir())
        holds = f"it holds {', '.join(names[:3])}" if names else "it is empty"
        return UsageError(
            f"{path} is a folder without a run, an export or a SavedModel; {holds}; give the file "
            "of the network itself"
        )
    try:
        with open_checkpoint(path) as checkpoint:
            kind, count = checkpoint.contents.kind, len(checkpoint.tensors)
    except KerasCNNError as error:
        return error
    return UsageError(
        f"{path} is a file of weights ({kind}, {count} tensors) and does not say of which network; "
        "build it with create_model(NAME, weights=PATH) (command: --model NAME; `kerascnn weights "
        "inspect` names those that fit)"
    )


def of_model(
    model: keras.Model,
    *,
    name: str | None = None,
    class_names: tuple[str, ...] | None = None,
    preprocessing: Preprocessing | None = None,
) -> Classifier:
    """Returns a Keras model as a classifier.

    A softmax at its end is left out, so that losses are exact. Of a network with auxiliary
    classifiers, the main output is used.

    Args:
        model: with one image input.
        name: for messages; the model's own by default.
        class_names: one for each output; None for those of the training that the model records.
        preprocessing: how images become its inputs; None for that of the model's weights.
    """
    if len(getattr(model, "outputs", None) or ()) > 1:
        model = main_model(model)
    known = weights_preprocessing(model)
    base = None
    if known is not None and known.exact:
        class_names = class_names or adopted_class_names(model)
        preprocessing = preprocessing or known.preprocessing
    elif known is not None:
        base = known.preprocessing
    return Classifier(
        name=name or model.name,
        scores=signature.forward(model, before_softmax=True),
        logits=signature.gives_logits(model) or signature.ends_in_softmax(model),
        image_shape=signature.image_shape(model),
        classes=signature.class_count(model),
        class_names=class_names,
        preprocessing=preprocessing,
        base=base,
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
    model = read_keras_model(path, compiled=False)
    if weights_preprocessing(model) is not None or not (path.parent / CONFIG).exists():
        return of_model(model, name=str(path))
    run = load_run(path.parent)
    return of_model(
        model, name=str(path), class_names=run.class_names, preprocessing=run.preprocessing
    )
