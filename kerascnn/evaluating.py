"""Evaluating: loss and accuracy of a model or run on held-out images."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from kerascnn.data import data_errors, load_data, pipeline
from kerascnn.endpoints import check_classes, forward, gives_logits, preprocessing_for
from kerascnn.errors import DataError, MismatchError
from kerascnn.lazy import np
from kerascnn.runs import Run, as_run, write_metrics

if TYPE_CHECKING:
    import keras
    import numpy as np

    from kerascnn.preprocessing import Preprocessing

TOP = 5
SMALLEST = 1e-7
"""Probabilities below count as this in the loss. Keras's own loss, which looks behind a softmax at
its logits, can therefore be higher for a network that is wrong and very sure."""


def evaluate(
    model_or_run: keras.Model | Run | str | os.PathLike[str],
    data: Any,
    *,
    batch_size: int = 256,
    preprocessing: Preprocessing | None = None,
) -> dict[str, float]:
    """Measures a model on the test split of some data.

    Args:
        model_or_run: a model, a `Run` (its best model), or a run directory.
        data: whatever `load_data` takes. A split that has to be made is made with the run's seed,
            so that no image of the run's training is among the held-out ones.
        batch_size: images at a time.
        preprocessing: the run's, or the architecture's, when None.

    Returns:
        loss (mean cross-entropy, natural logarithm), accuracy and, with more than 5 classes, top5,
        both in [0, 1]; images_per_second, reading included; count. Those of a run are also kept in
        its metrics.json.

    Raises:
        DataError: there are no held-out images, or they have no labels.
        MismatchError: classes or image shape of model and data do not fit.
    """
    run = as_run(model_or_run)
    data = load_data(data, seed=run.config["seed"] if run else 0)
    if len(data.test) == 0:
        raise DataError(f"{data.name} has no held-out images to evaluate on; {data.split}")
    if data.test.labels is None:
        raise DataError(f"the held-out images of {data.name} have no labels; use predict")
    if run is not None and run.class_names != data.class_names:
        raise MismatchError(
            f"{run.path} was trained on the classes {_some(run.class_names)}, but {data.name} has "
            f"{_some(data.class_names)}; names and order must be the same"
        )
    model = run.load() if run is not None else model_or_run
    check_classes(model, data.class_names, data.name)
    if preprocessing is None:
        preprocessing = (
            run.preprocessing if run is not None else preprocessing_for(model, data.image_shape)
        )
    with data_errors():
        batches = pipeline(data.test, preprocessing, batch_size=batch_size, training=False)
        metrics = measure(model, batches)
    if run is not None:
        write_metrics(run, data.name, metrics)
    return metrics


def measure(model: keras.Model, batches: Any) -> dict[str, float]:
    """Returns `evaluate`'s figures over batches of (images, labels)."""
    scores_of, logits = forward(model), gives_logits(model)
    losses, ranks = [], []
    started, first = time.perf_counter(), 0
    for images, labels in batches:
        scores, true = scores_of(images), np.asarray(labels)
        losses.append(cross_entropy(scores, true, logits=logits))
        ranks.append(rank(scores, true))
        if len(losses) == 1:
            compiled, first = time.perf_counter(), len(true)
    loss, order = np.concatenate(losses), np.concatenate(ranks)
    count = len(order)
    # The first batch includes compiling the model, unless there is no other.
    begin, timed = (compiled, count - first) if count > first else (started, count)
    result = {"loss": float(loss.mean()), "accuracy": float((order == 0).mean())}
    if scores.shape[1] > TOP:
        result["top5"] = float((order < TOP).mean())
    result["images_per_second"] = round(timed / (time.perf_counter() - begin), 1)
    result["count"] = count
    return result


def cross_entropy(scores: np.ndarray, labels: np.ndarray, *, logits: bool) -> np.ndarray:
    """Returns -ln p(label) for each row, in double precision."""
    scores = scores.astype(np.float64)
    chosen = scores[np.arange(len(labels)), labels]
    if not logits:
        return -np.log(np.clip(chosen, SMALLEST, 1 - SMALLEST))
    highest = scores.max(axis=1)
    return np.log(np.exp(scores - highest[:, None]).sum(axis=1)) + highest - chosen


def rank(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Returns how many classes come before the label in each row; the first of equals leads."""
    chosen = scores[np.arange(len(labels)), labels][:, None]
    earlier = np.arange(scores.shape[1]) < labels[:, None]
    return ((scores > chosen) | ((scores == chosen) & earlier)).sum(axis=1)


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:5]) + (f", … ({len(names)})" if len(names) > 5 else "")
