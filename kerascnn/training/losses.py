"""Losses and targets: auxiliary classifiers, label smoothing, class weights.

Smoothing and class weights are applied to the labels, in the pipeline, so the losses are Keras's
own. Saved models therefore load without this package, and the test loss is that of plain labels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kerascnn.data.sources.dataset import Data
from kerascnn.errors import UsageError
from kerascnn.lazy import keras, np, tf
from kerascnn.models.auxiliary import AUXILIARY, MAIN, auxiliary_outputs, main_model, output_names
from kerascnn.models.signature import gives_logits
from kerascnn.recipes.fields import Recipe, class_weights

if TYPE_CHECKING:
    import keras
    import numpy as np
    import tensorflow as tf


def compile_arguments(recipe: Recipe, model: keras.Model) -> dict[str, Any]:
    """Returns the arguments of `compile` for a recipe and a model of `with_output_list`."""
    logits = gives_logits(main_model(model))
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
            1.0 if name == MAIN else recipe.auxiliary_weight for name in output_names(model)
        ],
        "metrics": [[metric] if name == MAIN else [] for name in output_names(model)],
    }


def with_targets(
    dataset: tf.data.Dataset, recipe: Recipe, model: keras.Model, data: Data, *, training: bool
) -> tf.data.Dataset:
    """Returns batches with the labels that the losses of `compile_arguments` need.

    Args:
        dataset: batches (images, labels); labels are class numbers, or rows of class shares if
            images were mixed.
        recipe: determines smoothing and class weights, in training only.
        model: the model to train; each of its outputs gets the labels.
        data: provides the classes.
        training: apply smoothing and class weights.
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
        return (images, (target,) * outputs, *weight)  # Keras applies the weight to every output

    return dataset.map(targets, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def class_weight_array(recipe: Recipe, data: Data) -> np.ndarray | None:
    """Returns the float32 weight of each class, or None if the recipe has no class weights.

    Raises:
        UsageError: the recipe names a class that the data does not have, or all weights are 0.
    """
    if recipe.class_weights == "none":
        return None
    names = data.class_names
    if recipe.class_weights == "balanced":
        assert data.train.labels is not None  # what is trained on has labels
        counts = np.bincount(data.train.labels, minlength=len(names))
        present = max(int((counts > 0).sum()), 1)
        # A class without images gets weight 0: it cannot appear.
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
        raise UsageError(
            "class_weights are all 0, so nothing would be learned; give at least one above 0"
        )
    return weights


def plain_names(logs: dict[str, float], prefix: str) -> None:
    """Renames the logs of a network with auxiliary classifiers as those of a plain one, in place.

    The test loss becomes that of the main output alone.

    Args:
        logs: the means of an epoch, by name.
        prefix: of the names of the network's layers.
    """
    for part in ("", "val_"):
        output = f"{part}{prefix}{MAIN}"
        if f"{output}_accuracy" in logs:
            logs[f"{part}accuracy"] = logs.pop(f"{output}_accuracy")
        main = logs.pop(f"{output}_loss", None)
        if part and main is not None:
            logs[f"{part}loss"] = main
        for name in AUXILIARY:
            logs.pop(f"{part}{prefix}{name}_loss", None)
