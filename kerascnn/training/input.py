"""Prepares the input of a training: preprocessing statistics, batch sizes, and both pipelines."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kerascnn.data.augmentation.policy import Distortion
from kerascnn.data.pipeline import pipeline
from kerascnn.data.sources.dataset import Data, Split
from kerascnn.errors import DataError, UsageError
from kerascnn.lazy import np, tf
from kerascnn.recipes.lookup import Recipe
from kerascnn.training.training_setup import TrainingSetup

if TYPE_CHECKING:
    import numpy as np
    import tensorflow as tf

    from kerascnn.imaging.preprocessing import Preprocessing

STATISTICS_IMAGES = 1024
"""Number of training images from which mean and deviation are computed."""


def standardized(preprocessing: Preprocessing, split: Split) -> Preprocessing:
    """Returns the preprocessing with mean and deviation of the training images.

    They are computed from at most `STATISTICS_IMAGES` images, evenly distributed. A preprocessing
    that does more than scale pixels to [0, 1] is returned unchanged: it belongs to the architecture
    or the weights.

    Raises:
        DataError: an image has NaN or infinity.
    """
    if (preprocessing.scale, preprocessing.mean, preprocessing.std) != (1 / 255, (0.0,), (1.0,)):
        return preprocessing
    batches = pipeline(_spread(split), preprocessing, batch_size=64, training=False)
    count, total, squares = 0, np.zeros(()), np.zeros(())
    for images, *_ in batches.take(STATISTICS_IMAGES // 64):
        values = images.numpy().astype("float64")
        count += values[..., 0].size
        total = total + values.sum(axis=(0, 1, 2))
        squares = squares + (values**2).sum(axis=(0, 1, 2))
    if not np.isfinite(squares).all():
        raise DataError("the training images have values that are not finite; look for NaN in them")
    mean = total / count
    deviation = np.sqrt(np.maximum(squares / count - mean**2, 0.0))
    return replace(
        preprocessing,
        mean=tuple(round(float(value), 6) for value in mean),
        std=tuple(round(float(value), 6) or 1.0 for value in deviation),
    )


def _spread(split: Split) -> Split:
    """Returns at most `STATISTICS_IMAGES` images of a split, evenly distributed."""
    if isinstance(split.images, tf.data.Dataset):
        return split
    step = -(-len(split) // STATISTICS_IMAGES)
    labels = None if split.labels is None else split.labels[::step]
    return Split(split.images[::step], labels)


def fit_batch(recipe: Recipe, images: int, replicas: int) -> Recipe:
    """Returns the recipe with a batch size that is no larger than the number of images.

    Every step uses this many images; each epoch leaves out the rest. If the number of images cannot
    be divided evenly, `train_step.Engine` pads the batch with images of weight 0.

    Raises:
        UsageError: the batch size is no multiple of the replicas times the accumulated parts.
    """
    parts = replicas * recipe.accumulate
    if recipe.batch_size % parts:
        near = max(recipe.batch_size // parts, 1) * parts
        cut = "" if recipe.accumulate == 1 else f" with {recipe.accumulate} parts each"
        raise UsageError(
            f"batch_size={recipe.batch_size} cannot be divided among {replicas} replicas{cut}; "
            f"use {near}"
        )
    return replace(recipe, batch_size=min(recipe.batch_size, images))


def validation_batch(images: int, replicas: int, limit: int) -> int:
    """Returns the batch size for evaluation: at most `limit`, and a multiple of the replicas."""
    return max(min(limit, images) // replicas, 1) * replicas


def training_pipelines(
    data: Data,
    preprocessing: Preprocessing,
    setup: TrainingSetup,
    start: tuple[int, int] = (0, 0),
) -> tuple[tf.data.Dataset, tf.data.Dataset]:
    """Returns `training_pipeline` and `validation_pipeline`."""
    training = training_pipeline(data, preprocessing, setup, start)
    return training, validation_pipeline(data, preprocessing, setup)


def training_pipeline(
    data: Data,
    preprocessing: Preprocessing,
    setup: TrainingSetup,
    start: tuple[int, int] = (0, 0),
) -> tf.data.Dataset:
    """Returns the endless dataset of training batches.

    Args:
        data: the data; its training images are used.
        preprocessing: how images are prepared for the network.
        setup: the settings of the training.
        start: the epoch and the number of its finished steps to start after.
    """
    recipe = setup.recipe
    return pipeline(
        data.train,
        preprocessing,
        batch_size=recipe.batch_size,
        training=True,
        seed=setup.seed,
        distortion=Distortion.of(recipe),
        classes=len(data.class_names),
        drop_remainder=True,
        start_epoch=start[0],
        start_step=start[1],
        max_bad=setup.max_bad,
    )


def validation_pipeline(
    data: Data, preprocessing: Preprocessing, setup: TrainingSetup
) -> tf.data.Dataset:
    """Returns the finite dataset of test batches."""
    # Training stores every layer's output for the backward pass, so twice its batch fits here.
    batch = validation_batch(len(data.test), setup.replicas, 2 * setup.recipe.batch_size)
    return pipeline(
        data.test, preprocessing, batch_size=batch, training=False, max_bad=setup.max_bad
    )
