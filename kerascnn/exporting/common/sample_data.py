"""Chooses the images that an export compares, calibrates and evaluates with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from kerascnn.data.load import load_data
from kerascnn.errors import KerasCNNError, UsageError
from kerascnn.exporting.common.equivalence import REAL_IMAGES
from kerascnn.imaging.decode import load_image
from kerascnn.lazy import np

if TYPE_CHECKING:
    from kerascnn.data.sources.dataset import Data, Split
    from kerascnn.imaging.preprocessing import Preprocessing
    from kerascnn.runs.run import Run

CALIBRATION_IMAGES = 128
EVALUATION_IMAGES = 1000
_BATCH = 32
_LOCAL = ("digits", "idx", "npz", "cifar", "folder")
"""Data sources that lie on this machine and need no download."""


def data_of(run: Run) -> Data | None:
    """Returns the data of a run, or None when it is not on this machine or cannot be read."""
    name = run.config["data"]["name"]
    if name.partition(":")[0] not in _LOCAL:
        return None
    try:
        return load_data(name)
    except (KerasCNNError, OSError):
        return None


def samples_of(data: Data | None) -> list[Any] | None:
    """Returns images of the test split to compare, or None when there are none."""
    selection = None if data is None else _evenly_spaced(data.test, REAL_IMAGES)
    return None if selection is None else selection[0]


def calibration_images(data: Data | None) -> list[Any] | None:
    """Returns images of the training split to calibrate int8, or None when there are none."""
    selection = None if data is None else _evenly_spaced(data.train, CALIBRATION_IMAGES)
    return None if selection is None else selection[0]


def evaluation_batches(
    data: Data | None, preprocessing: Preprocessing | None, dtype: str
) -> tuple[tuple[Any, Any], ...]:
    """Returns batches of (model inputs, labels) of the test split, at most 1,000 images.

    Raises:
        UsageError: there is no preprocessing.
    """
    selection = None if data is None else _evenly_spaced(data.test, EVALUATION_IMAGES)
    if selection is None or selection[1] is None:
        return ()
    if preprocessing is None:
        raise UsageError("evaluation data needs a preprocessing, which turns images into inputs")
    images, labels = selection
    return tuple(
        (
            inputs(images[start : start + _BATCH], preprocessing, dtype),
            labels[start : start + _BATCH],
        )
        for start in range(0, len(images), _BATCH)
    )


def inputs(images: list[Any], preprocessing: Preprocessing | None, dtype: str) -> Any:
    """Returns images, arrays or paths, as one batch of model inputs."""
    prepared = []
    for image in images:
        if not hasattr(image, "shape"):
            grey = preprocessing is not None and preprocessing.channels == "grey"
            image = load_image(image, "grey" if grey else "rgb")
        prepared.append(image if preprocessing is None else preprocessing(image))
    return np.stack(prepared).astype(dtype)


def accuracy(run: Callable[[Any], Any], evaluation: Sequence[tuple[Any, Any]]) -> float | None:
    """Returns the share of images whose top class is their label, or None without images.

    Args:
        run: computes the outputs for a batch.
        evaluation: batches of (model inputs, labels).
    """
    if not evaluation:
        return None
    correct = sum(int((run(images).argmax(-1) == labels).sum()) for images, labels in evaluation)
    return correct / image_count(evaluation)


def image_count(evaluation: Sequence[tuple[Any, Any]]) -> int:
    """Returns the number of images in batches of (model inputs, labels)."""
    return sum(len(labels) for _, labels in evaluation)


def _evenly_spaced(split: Split, count: int) -> tuple[list[Any], Any] | None:
    """Returns `count` images of a split, evenly spaced, and their labels; None for a stream."""
    try:
        total = len(split.images)
    except TypeError:
        return None
    indices = np.unique(np.linspace(0, total - 1, min(count, total)).astype(int))
    labels = None if split.labels is None else np.asarray(split.labels)[indices]
    return [split.images[index] for index in indices], labels
