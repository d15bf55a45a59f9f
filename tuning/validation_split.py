"""The part of the training images that scores the candidates of a search."""

from __future__ import annotations

from dataclasses import replace

from kerascnn.data.sources.dataset import Data, Split, held_out
from kerascnn.errors import DataError

VALIDATION_FRACTION = 0.2


def hold_out(data: Data, seed: int) -> Data:
    """Returns the training images in two parts: `train` to train on, and `test` to score by.

    Args:
        data: the data; its own test images are dropped.
        seed: seed of the choice.

    Raises:
        DataError: the images are a dataset, which cannot be divided.
    """
    images, labels = data.train.images, data.train.labels
    if labels is None or not hasattr(images, "__getitem__"):
        raise DataError(
            f"{data.name} cannot be divided for validation; give arrays, files or a named source"
        )
    *parts, sentence = held_out(labels, VALIDATION_FRACTION, seed)
    if isinstance(images, tuple):
        splits = [Split(tuple(images[index] for index in part), labels[part]) for part in parts]
    else:
        splits = [Split(images[part], labels[part]) for part in parts]
    return replace(data, train=splits[0], test=splits[1], split=sentence)
