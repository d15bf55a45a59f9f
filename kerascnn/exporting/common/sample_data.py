"""The images that an export looks at: a run's own, or labelled data that the user names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kerascnn.errors import KerasCNNError, UsageError
from kerascnn.exporting.common.equivalence import REAL_IMAGES
from kerascnn.lazy import np

if TYPE_CHECKING:
    from kerascnn.data.sources.dataset import Data, Split
    from kerascnn.imaging.preprocessing import Preprocessing
    from kerascnn.runs.run import Run

CALIBRATION_IMAGES = 128
EVALUATION_IMAGES = 1000
_BATCH = 32
_LOCAL = ("digits", "idx", "npz", "cifar", "folder")


def data_of(run: Run) -> Data | None:
    """Returns a run's data when it lies on this machine; no failure of it stops an export."""
    from kerascnn.data.load import load_data

    name = run.config["data"]["name"]
    if name.partition(":")[0] not in _LOCAL:
        return None
    try:
        return load_data(name)
    except (KerasCNNError, OSError):
        return None


def spread(split: Split, count: int) -> tuple[list[Any], Any] | None:
    """Returns `count` images of a split, evenly spread, and their labels; None for a stream."""
    try:
        total = len(split.images)
    except TypeError:
        return None
    places = np.unique(np.linspace(0, total - 1, min(count, total)).astype(int))
    labels = None if split.labels is None else np.asarray(split.labels)[places]
    return [split.images[place] for place in places], labels


def samples_of(data: Data | None) -> list[Any] | None:
    """Returns some test images, or None when they are not at hand."""
    found = None if data is None else spread(data.test, REAL_IMAGES)
    return None if found is None else found[0]


def evaluation_batches(
    data: Data | None, preprocessing: Preprocessing | None, dtype: str
) -> tuple[tuple[Any, Any], ...]:
    """Returns batches of model inputs and labels of a test split, at most 1,000 images.

    Raises:
        UsageError: there is no preprocessing.
    """
    found = None if data is None else spread(data.test, EVALUATION_IMAGES)
    if found is None or found[1] is None:
        return ()
    if preprocessing is None:
        raise UsageError("evaluation data needs a preprocessing, which turns images into inputs")
    images, labels = found
    return tuple(
        (
            inputs(images[start : start + _BATCH], preprocessing, dtype),
            labels[start : start + _BATCH],
        )
        for start in range(0, len(images), _BATCH)
    )


def inputs(images: list[Any], preprocessing: Preprocessing | None, dtype: str) -> Any:
    """Returns images, arrays or paths, as one batch of model inputs."""
    from kerascnn.imaging.decode import load_image

    made = []
    for image in images:
        if not hasattr(image, "shape"):
            grey = preprocessing is not None and preprocessing.channels == "grey"
            image = load_image(image, "grey" if grey else "rgb")
        made.append(image if preprocessing is None else preprocessing(image))
    return np.stack(made).astype(dtype)
