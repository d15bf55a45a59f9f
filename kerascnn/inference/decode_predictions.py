"""Class names for scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kerascnn.errors import MismatchError, UsageError
from kerascnn.lazy import np


def decode_predictions(
    scores: Any, class_names: Sequence[str], top: int = 5
) -> list[list[tuple[str, float]]]:
    """Names the likeliest classes of every image, for any list of classes.

    Args:
        scores: (N, classes) of probabilities or logits, an array or a tensor; never changed.
        class_names: one for each class.
        top: how many to name, 1 or more; at most all.

    Returns:
        For each image its `top` pairs (name, score), the highest score first; classes of equal
        score in their own order.

    Raises:
        MismatchError: the scores are not (N, classes), or the names are not as many as the classes.
        UsageError: `top` is no whole number from 1.
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
