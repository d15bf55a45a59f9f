"""Opens exported files as classifiers, also those that other programs wrote.

Files of `export` store class names and preprocessing; of others only the shape of the input is
known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascnn.errors import DamagedFileError, MismatchError
from kerascnn.fileio.untrusted import named, reading
from kerascnn.imaging.preprocessing import Preprocessing
from kerascnn.inference.classifier import Classifier, Scores
from kerascnn.lazy import np
from kerascnn.models.request import ImageShape
from kerascnn.models.signature import softmax_of_one
from kerascnn.runtimes import litert, onnx, openvino, savedmodel
from kerascnn.runtimes.artifact import Artifact, channels_last
from kerascnn.runtimes.available import require
from kerascnn.runtimes.contract import ADAPTS

if TYPE_CHECKING:
    import numpy as np

SUFFIXES = (".onnx", ".xml", ".tflite")
SAVEDMODEL_FILE = "saved_model.pb"
"""The file by which the directory of a SavedModel is recognised."""
_DTYPES = ("float32", "float16", "uint8")
_ANY_SIZE = 224
"""Side in pixels of the test image for a model that takes any size."""


def open_artifact(
    path: Path,
    *,
    trust: bool = False,
    runtime: str = "onnxruntime",
    threads: int | None = None,
) -> Classifier:
    """Opens an exported file, on the CPU.

    The softmax at the end of an ONNX file is left out, so that losses are exact. Other formats
    give float32 probabilities, from which no loss above 87 can be computed.

    Args:
        path: an .onnx or .tflite file, an .xml file with its .bin file beside it, or the directory
            of a SavedModel.
        trust: open a SavedModel, which is a program and may do anything that you may do.
        runtime: for an ONNX file: "onnxruntime" or "openvino".
        threads: to compute with; None uses all processors. TensorFlow uses all of them.

    Raises:
        UnsafeFileError: a SavedModel without `trust`, or an ONNX file with its weights in other
            files.
        DamagedFileError: it is truncated or corrupt.
        MismatchError: it does not map one batch of images to one row of scores each.
        UsageError: the runtime is not installed.
    """
    if (path / SAVEDMODEL_FILE).exists():
        artifact = savedmodel.open_artifact(path, trust=trust)
    elif path.suffix == ".onnx":
        artifact = onnx.open_artifact(path, runtime=runtime, threads=threads, before_softmax=True)
    elif path.suffix == ".xml":
        artifact = openvino.open_artifact(path, threads=threads)
    else:
        require("litert")
        artifact = litert.open_artifact(path, threads=threads)
    return classifier_of(artifact, named(path))


def classifier_of(artifact: Artifact, name: str) -> Classifier:
    """Returns a loaded artifact as a classifier of images with the channels last.

    Args:
        artifact: in its runtime.
        name: for messages.

    Raises:
        DamagedFileError: its metadata is damaged.
        MismatchError: it does not map one batch of images to one row of scores each.
    """
    dtype = artifact.dtype
    if dtype not in _DTYPES:
        raise MismatchError(f"{name} takes images of {dtype}; it must take float or uint8")
    layout = artifact.layout or _likely_layout(artifact.input_shape)
    image_shape = _image_shape(artifact.input_shape, layout, name)

    def scores_by(run: Callable[[np.ndarray], np.ndarray]) -> Scores:
        run = channels_last(run, layout)

        def scores(batch: np.ndarray) -> np.ndarray:
            if dtype == "uint8" and batch.dtype.kind == "f":
                batch = np.rint(batch)
            return np.asarray(run(np.ascontiguousarray(batch, dtype)), np.float32)

        return scores

    scores = scores_by(artifact.run)
    class_names, preprocessing, logits = _description(artifact, image_shape[-1], name)
    adapts = artifact.metadata.get(ADAPTS) is True and not artifact.preprocesses
    answer = _test_scores(scores, image_shape, preprocessing, name)
    if class_names is not None and len(class_names) != len(answer):
        raise DamagedFileError(
            f"{name} names {len(class_names)} classes and gives {len(answer)} scores"
        )
    if artifact.logits and len(answer) == 1:
        raise softmax_of_one(name)
    compile_bfloat16 = artifact.compile_bfloat16
    return Classifier(
        name=name,
        scores=scores,
        logits=_are_logits(answer) if logits is None else logits,
        image_shape=image_shape,
        classes=len(answer),
        class_names=class_names,
        preprocessing=None if adapts else preprocessing,
        base=_base(preprocessing, adapts, dtype),
        runtime=artifact.runtime,
        precision=str(artifact.metadata.get("precision", "float32")),
        compile_bfloat16=(
            None if compile_bfloat16 is None else lambda: scores_by(compile_bfloat16())
        ),
    )


def _likely_layout(shape: tuple[int | None, ...]) -> str:
    """Returns "nchw" when the first of three sizes is a number of channels and the last is not."""
    return "nchw" if shape[0] in (1, 3) and shape[2] not in (1, 3) else "nhwc"


def _image_shape(shape: tuple[int | None, ...], layout: str, name: str) -> ImageShape:
    channels, height, width = shape if layout == "nchw" else (shape[2], *shape[:2])
    if channels is None:
        raise MismatchError(f"{name} does not say how many channels its images have")
    return height, width, channels


def _description(
    artifact: Artifact, channels: int, name: str
) -> tuple[tuple[str, ...] | None, Preprocessing | None, bool | None]:
    """Returns class names, preprocessing and whether the scores are logits; None if unknown."""
    metadata: Mapping[str, Any] = artifact.metadata
    with reading(f"the metadata of {name} is damaged"):
        class_names = metadata.get("class_names")
        class_names = None if class_names is None else tuple(map(str, class_names))
        stored = metadata.get("preprocessing")
        preprocessing = None if stored is None else Preprocessing.from_json(stored)
        if preprocessing is not None and artifact.preprocesses:
            kind = "grey" if channels == 1 else "rgb"
            preprocessing = Preprocessing(size=None, channels=kind, scale=1.0)
        scores = metadata.get("output", {}).get("scores")
    logits = artifact.logits
    if logits is None and scores in ("logits", "probabilities"):
        logits = scores == "logits"
    return class_names, preprocessing, logits


def _base(preprocessing: Preprocessing | None, adapts: bool, dtype: str) -> Preprocessing | None:
    """Returns a preprocessing that is adapted to the images; None without one.

    A file that takes bytes and says nothing else takes the pixels as they are.
    """
    if preprocessing is None and dtype == "uint8":
        return Preprocessing(size=None, scale=1.0)
    return preprocessing if adapts else None


def _test_scores(
    scores: Scores, image_shape: ImageShape, preprocessing: Preprocessing | None, name: str
) -> np.ndarray:
    """Returns the scores of one black image."""
    height, width, channels = image_shape
    size = (preprocessing and preprocessing.size) or (_ANY_SIZE, _ANY_SIZE)
    output = scores(np.zeros((1, height or size[0], width or size[1], channels), np.float32))
    if output.ndim != 2:
        raise MismatchError(
            f"{name} gives an output of shape {output.shape} for one image; it must give one row "
            "of class scores (batch, classes)"
        )
    return output[0]


def _are_logits(scores: np.ndarray) -> bool:
    """Tells whether the scores of one image are no probabilities, which add up to 1.

    A single one is a probability if it is between 0 and 1, as that of a sigmoid is.
    """
    if len(scores) == 1:
        return not 0 <= scores[0] <= 1
    return not ((scores >= 0).all() and abs(float(scores.sum()) - 1) < 1e-3)
