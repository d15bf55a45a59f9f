"""The input of a network for one image, and the most probable classes of its scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kerascnn.errors import MismatchError
from kerascnn.inference.classifier import Classifier
from kerascnn.lazy import np

if TYPE_CHECKING:
    import numpy as np

    from kerascnn.imaging.preprocessing import Preprocessing

BATCH = 64
"""Number of images in a batch of `predict`."""


@dataclass(frozen=True)
class Prediction:
    """The most probable classes of one image, the most probable first.

    Args:
        source: the path of the file; of other images their type and index, such as "bytes[2]".
        labels: class names, or class numbers when no names are known.
        scores: their probabilities in [0, 1].
        indices: their class numbers.
    """

    source: str
    labels: tuple[str, ...]
    scores: tuple[float, ...]
    indices: tuple[int, ...]


def prepared(
    network: Classifier, pixels: np.ndarray, preprocessing: Preprocessing | None
) -> np.ndarray:
    """Returns the network's input, float32 H x W x C, for one image.

    Args:
        network: the classifier.
        pixels: H x W x C or H x W.
        preprocessing: None takes that of the network.

    Raises:
        MismatchError: the result of the preprocessing does not have the size of the input.
    """
    if preprocessing is None:
        shape = (*pixels.shape, 1)[:3] if pixels.ndim in (2, 3) else pixels.shape
        preprocessing = network.preprocessing_for(shape)
    array = preprocessing(pixels)
    for expected, size in zip(network.image_shape, array.shape, strict=True):
        if expected not in (None, size):
            raise MismatchError(
                f"the preprocessing returns an image of shape {array.shape}, but {network.name} "
                f"takes {network.image_shape}; give a preprocessing of that size"
            )
    return array


def best(source: str, scores: np.ndarray, names: tuple[str, ...], top: int) -> Prediction:
    """Returns the `top` most probable classes of one image; equal ones keep their order.

    Args:
        source: name of the image.
        scores: probability of each class.
        names: of the classes.
        top: number of classes.
    """
    order = np.argsort(-scores, kind="stable")[:top]
    return Prediction(
        source,
        tuple(names[index] for index in order),
        tuple(float(scores[index]) for index in order),
        tuple(int(index) for index in order),
    )
