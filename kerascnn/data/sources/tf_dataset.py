"""Loads a data set from `tf.data.Dataset` objects; only the labels are read into memory."""

from __future__ import annotations

import hashlib
from typing import Any

from kerascnn.data.sources.dataset import (
    OWN_SPLIT,
    Data,
    Split,
    as_labels,
    check_classes,
    common_shape,
    held_out,
    holds_unit_values,
    names_of_classes,
)
from kerascnn.errors import DataError, UsageError
from kerascnn.imaging.axes import refuse_channels_first
from kerascnn.lazy import np, tf

_SAMPLED = 64
"""Number of first images that decide whether floats have the range 0 to 1 or 0 to 255."""


def from_datasets(
    datasets: tuple[tf.data.Dataset, ...], seed: int, test_fraction: float | None
) -> Data:
    """Returns Data of a pair of datasets for training and testing, or of one that is split.

    Args:
        datasets: their elements are (image, label) or {"image": ..., "label": ...}, single or
            batched. Images are H x W x C or H x W; floats have the range 0 to 1 or 0 to 255, which
            the first 64 images decide. Labels are class numbers or one-hot rows.
        seed, test_fraction: for the split of a single dataset, whose order must not change from
            pass to pass.

    Raises:
        UsageError: the elements are others.
        DataError: a dataset is infinite or empty, labels are wrong, or the dataset to be split
            changes its order.
    """
    pairs = [_as_pair(dataset) for dataset in datasets]
    checked = [_labels(dataset) for dataset in pairs]
    labels = [numbers for numbers, _ in checked]
    if len({columns for _, columns in checked}) > 1:
        raise DataError("the labels of the training and test dataset differ in number of columns")
    names = names_of_classes(None, labels, checked[0][1])
    parts = [_standard(dataset) for dataset in pairs]
    image_shape = common_shape([tuple(part.element_spec[0].shape[-3:].as_list()) for part in parts])
    if len(parts) == 2:
        sentence = OWN_SPLIT.format(*map(len, labels))
    else:
        train, test, sentence = held_out(labels[0], test_fraction, seed)
        if len(train) and not np.array_equal(labels[0], _labels(pairs[0])[0]):
            raise DataError(
                "the dataset comes in another order at every pass, so no test set can be held "
                "out; give a pair (training, test), or shuffle with reshuffle_each_iteration=False"
            )
        parts = [_selected(parts[0], indices) for indices in (train, test)]
        labels = [labels[0][indices] for indices in (train, test)]
    return check_classes(
        Data(
            name="tf.data",
            train=Split(parts[0], labels[0]),
            test=Split(parts[1], labels[1]),
            class_names=names,
            image_shape=image_shape,
            fingerprint=_fingerprint(parts, labels),
            split=sentence,
        )
    )


def is_batched(dataset: tf.data.Dataset) -> bool:
    """Returns whether the elements of a `Split`'s dataset are batches."""
    return dataset.element_spec[0].shape.rank == 4


def _as_pair(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Returns the dataset with elements (image, label) of known rank."""
    if dataset.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise DataError("the dataset is infinite; leave out repeat(), `train` repeats the data")
    if isinstance(dataset.element_spec, dict) and {"image", "label"} <= set(dataset.element_spec):
        dataset = dataset.map(lambda element: (element["image"], element["label"]))
    spec = dataset.element_spec
    if not (
        isinstance(spec, tuple)
        and len(spec) == 2
        and all(isinstance(part, tf.TensorSpec) and part.shape.rank is not None for part in spec)
    ):
        raise UsageError(f"the dataset's elements are {spec}; (image, label) is needed"[:400])
    image, label = spec[0].shape, spec[1].shape
    batch = _batch_axes(image, label)
    if image.rank - batch not in (2, 3) or label.rank - batch not in (0, 1):
        raise UsageError(
            f"the dataset's images are {image} and its labels {label}; elements must be height x "
            "width (x channels) and one label, with or without a batch axis"
        )
    if image.rank - batch == 3:
        refuse_channels_first(image[batch:], "the dataset's images")
    if image.rank - batch == 3 and image[-1] is None:
        raise UsageError(f"the dataset's images are {image}; set their number of channels")
    return dataset


def _batch_axes(image: Any, label: Any) -> int:
    """Returns 1 if the elements are batches, 0 if they are single samples."""
    if image.rank != 3:
        return int(image.rank > 3)
    # Either H x W x C, or N x H x W with N labels. Only in a batch, the first sizes are equal.
    equal = label.rank > 0 and image[0] == label[0]
    return int(equal and (label.rank == 2 or image[-1] not in (1, 3)))


def _labels(dataset: tf.data.Dataset) -> tuple[np.ndarray, int | None]:
    """Returns the class numbers of a dataset, and the number of columns of one-hot labels."""
    batch = _batch_axes(*(spec.shape for spec in dataset.element_spec))
    labels = dataset.map(lambda _, label: label)
    parts = list((labels if batch else labels.batch(1024)).as_numpy_iterator())
    if not parts:
        raise DataError("the dataset holds no sample; at least one is needed")
    return as_labels(np.concatenate(parts), "the labels of the dataset")


def _standard(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Returns uint8 or float32 images H x W x C, 0 to 255, and int64 labels, batched as before."""
    image, label = dataset.element_spec
    batch = _batch_axes(image.shape, label.shape)
    add_axis = image.shape.rank - batch == 2
    scale = 1.0
    if image.dtype.is_floating:
        pixels = dataset.map(lambda pixels, _: pixels)
        first = (pixels.unbatch() if batch else pixels).take(_SAMPLED).as_numpy_iterator()
        scale = 255.0 if holds_unit_values(first) else 1.0

    def standard(pixels: Any, label: Any) -> tuple[Any, Any]:
        if add_axis:
            pixels = pixels[..., tf.newaxis]
        if pixels.dtype != tf.uint8:
            pixels = tf.cast(pixels, tf.float32) * scale
        if label.shape.rank > batch:
            label = label[..., 0] if label.shape[-1] == 1 else tf.argmax(label, axis=-1)
        return pixels, tf.cast(label, tf.int64)

    return dataset.map(standard)


def _selected(dataset: tf.data.Dataset, indices: np.ndarray) -> tf.data.Dataset:
    """Returns the samples of a dataset with these indices, which are ascending."""
    single = dataset.unbatch() if is_batched(dataset) else dataset
    chosen = tf.constant(indices, tf.int64)
    # An index is in the sorted indices if a binary search for it ends at an equal element.
    padded = tf.concat([chosen, [-1]], 0)
    return (
        single.enumerate()
        .filter(lambda i, _: padded[tf.searchsorted(chosen, [i])[0]] == i)
        .map(lambda _, sample: sample)
    )


def _fingerprint(parts: list[tf.data.Dataset], labels: list[np.ndarray]) -> str:
    digest = hashlib.sha256()
    for dataset, numbers in zip(parts, labels, strict=True):
        # Not the order of the labels, which may change from pass to pass; the counts do not.
        digest.update(f"{dataset.element_spec}{np.bincount(numbers).tolist()}".encode())
    return digest.hexdigest()
