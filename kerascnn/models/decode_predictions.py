"""Turns class scores into class names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kerascnn.errors import MismatchError, UsageError
from kerascnn.lazy import np


def decode_predictions(
    scores: Any, class_names: Sequence[str], top: int = 5
) -> list[list[tuple[str, float]]]:
    """Returns the names and scores of the best classes of every image.

    Args:
        scores: (N, classes), probabilities or logits, an array or a tensor; never changed.
        class_names: one for each class.
        top: number of classes to return for each image, 1 or more; at most all are returned.

    Returns:
        For each image `top` pairs (name, score), the highest score first. Classes of equal score
        keep their order.

    Raises:
        MismatchError: the scores are not (N, classes), or the number of names is not that of the
            classes.
        UsageError: `top` is not a whole number from 1.
    """
    if isinstance(top, bool) or not isinstance(top, int) or top < 1:
        raise UsageError(f"top must be a whole number from 1, got {top!r}")
    table = np.asarray(scores)
    if table.ndim != 2 or table.shape[1] != len(class_names):
        raise MismatchError(
            f"scores of shape {table.shape} for {len(class_names)} class names; they must be "
            f"(images, {len(class_names)})"
        )
    order = np.argsort(-table, axis=1, kind="stable")[:, :top]
    return [
        [(class_names[index], float(row[index])) for index in best]
        for row, best in zip(table, order, strict=True)
    ]


def class_numbers(classes: int) -> tuple[str, ...]:
    """Returns the names of classes that have no names: their numbers."""
    return tuple(map(str, range(classes)))
