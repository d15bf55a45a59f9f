"""What a network learns from: losses, auxiliary classifiers, smoothed and weighted labels.

Smoothing and weights are done to the labels, in the pipeline, so that the losses are Keras's own:
a saved model loads without this package, and the held-out loss is that of the plain labels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kerascnn.data.sources.dataset import Data
from kerascnn.errors import UsageError
from kerascnn.lazy import keras, np, tf
from kerascnn.models.auxiliary import AUXILIARY, MAIN, auxiliary_outputs, served
from kerascnn.models.signature import gives_logits
from kerascnn.recipes.fields import Recipe, class_weights

if TYPE_CHECKING:
    import keras
    import numpy as np
    import tensorflow as tf


def compile_arguments(recipe: Recipe, model: keras.Model) -> dict[str, Any]:
    """Returns `loss`, `loss_weights` and `metrics` for `compile` of a `listed` model."""
    logits = gives_logits(served(model))
    loss_name = "CategoricalCrossentropy" if recipe.soft_labels else "SparseCategoricalCrossentropy"
    accuracy = "categorical_accuracy" if recipe.soft_labels else "sparse_categorical_accuracy"

    def loss() -> keras.losses.Loss:
        return getattr(keras.losses, loss_name)(from_logits=logits)

    if not auxiliary_outputs(model):
        return {"loss": loss(), "metrics": ["accuracy"]}
    metric = keras.metrics.MeanMetricWrapper(keras.metrics.get(accuracy), name="accuracy")
    return {
        "loss": [loss() for _ in model.outputs],
        "loss_weights": [
            1.0 if name == MAIN else recipe.auxiliary_weight for name in model.output_names
        ],
        "metrics": [[metric] if name == MAIN else [] for name in model.output_names],
    }


def with_targets(
    dataset: tf.data.Dataset, recipe: Recipe, model: keras.Model, data: Data, *, training: bool
) -> tf.data.Dataset:
    """Returns (image, label) batches with the labels that `compile_arguments` learns from.

    Args:
        dataset: (images, labels), class numbers, or rows where images were mixed.
        recipe: its smoothing and class weights count, for training.
        model: what will learn; every output gets the labels.
        data: for its classes.
        training: smooth and weigh.
    """
    classes = len(data.class_names)
    weights = class_weight_array(recipe, data) if training else None
    smoothing = recipe.label_smoothing if training else 0.0
    outputs = len(model.outputs)
    if not recipe.soft_labels and weights is None and outputs == 1:
        return dataset

    def targets(images: Any, labels: Any) -> tuple[Any, ...]:
        rows = labels if labels.dtype.is_floating else tf.one_hot(labels, classes)
        weight = () if weights is None else (tf.linalg.matvec(rows, tf.constant(weights)),)
        if smoothing:
            rows = rows * (1 - smoothing) + smoothing / classes
        target = rows if recipe.soft_labels else labels
        if outputs == 1:
            return (images, target, *weight)
        return (images, (target,) * outputs, *weight)  # Keras gives a weight to every output

    return dataset.map(targets, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def class_weight_array(recipe: Recipe, data: Data) -> np.ndarray | None:
    """Returns the float32 weight of each class, or None where all are alike.

    Raises:
        UsageError: a class is named that the data does not have, or all weights are 0.
    """
    if recipe.class_weights == "none":
        return None
    names = data.class_names
    if recipe.class_weights == "balanced":
        assert data.train.labels is not None  # what is trained on has labels
        counts = np.bincount(data.train.labels, minlength=len(names))
        present = max(int((counts > 0).sum()), 1)
        # A class without images weighs nothing: it cannot appear.
        share = counts.sum() / (present * np.maximum(counts, 1))
        return np.where(counts > 0, share, 0).astype(np.float32)
    named = class_weights(recipe.class_weights)
    unknown = sorted(set(named) - set(names))
    if unknown:
        raise UsageError(
            f"class_weights names the class {unknown[0]!r}, which {data.name} does not have; it "
            f"has {', '.join(names[:10])}{' ...' if len(names) > 10 else ''}"
        )
    weights = np.array([named.get(name, 1.0) for name in names], np.float32)
    if not weights.any():
        raise UsageError("class_weights are all 0, so nothing would be learnt; raise one")
    return weights


def plain_names(logs: dict[str, float]) -> None:
    """Gives the figures of a network with auxiliary classifiers the names of one without, in place.

    The held-out loss becomes that of the network as it is used, without the auxiliary ones.
    """
    for prefix in ("", "val_"):
        if f"{prefix}{MAIN}_accuracy" in logs:
            logs[f"{prefix}accuracy"] = logs.pop(f"{prefix}{MAIN}_accuracy")
        main = logs.pop(f"{prefix}{MAIN}_loss", None)
        if prefix and main is not None:
            logs[f"{prefix}loss"] = main
        for name in AUXILIARY:
            logs.pop(f"{prefix}{name}_loss", None)
