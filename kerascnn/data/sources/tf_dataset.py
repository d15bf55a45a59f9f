"""A `tf.data.Dataset` as a source: counted and labelled in one pass, never held in memory."""

from __future__ import annotations

import hashlib
from typing import Any

from kerascnn.data.sources.dataset import (
    OWN_SPLIT,
    Data,
    Split,
    as_labels,
    check_classes,
    held_out,
    holds_unit_values,
    names_of_classes,
)
from kerascnn.errors import DataError, UsageError
from kerascnn.lazy import np, tf

# So many images decide whether a dataset's floats go to 1 or to 255; the first alone may be black.
_LOOKED_AT = 64


def from_datasets(
    datasets: tuple[tf.data.Dataset, ...], seed: int, test_fraction: float | None
) -> Data:
    """Makes Data of a pair of datasets for training and testing, or of one that is split.

    Args:
        datasets: of (image, label) or {"image": ..., "label": ...}, single or batched; images
            H x W x C or H x W, floats 0 to 1 (as the first 64 tell) or 0 to 255; labels class
            numbers or one-hot.
        seed, test_fraction: for the split of a single dataset, whose order must then not change
            from pass to pass.

    Raises:
        UsageError: other elements.
        DataError: an infinite or empty dataset, wrong labels, or one that shuffles itself.
    """
    pairs = [_as_pair(dataset) for dataset in datasets]
    found = [_labels(dataset) for dataset in pairs]
    labels = [part for part, _ in found]
    if len({columns for _, columns in found}) > 1:
        raise DataError("the labels of the training and test dataset differ in number of columns")
    names = names_of_classes(None, labels, found[0][1])
    parts = [_standard(dataset) for dataset in pairs]
    shapes = [tuple(part.element_spec[0].shape[-3:].as_list()) for part in parts]
    if shapes[0] != shapes[-1]:
        raise DataError(
            f"training images are {shapes[0]} and test images {shapes[-1]}; make them equal"
        )
    if len(parts) == 2:
        sentence = OWN_SPLIT.format(*map(len, labels))
    else:
        kept, taken, sentence = held_out(labels[0], test_fraction, seed)
        if len(kept) and not np.array_equal(labels[0], _labels(pairs[0])[0]):
            raise DataError(
                "the dataset comes in another order at every pass, so no test set can be held "
                "out; give a pair (training, test), or shuffle with reshuffle_each_iteration=False"
            )
        parts = [_selected(parts[0], part) for part in (kept, taken)]
        labels = [labels[0][part] for part in (kept, taken)]
    return check_classes(
        Data(
            name="tf.data",
            train=Split(parts[0], labels[0]),
            test=Split(parts[1], labels[1]),
            class_names=names,
            image_shape=shapes[0],
            fingerprint=_fingerprint(parts, labels),
            split=sentence,
        )
    )


def is_batched(dataset: tf.data.Dataset) -> bool:
    """Tells whether the elements of a `Split`'s dataset are batches."""
    return dataset.element_spec[0].shape.rank == 4


def _as_pair(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Returns the dataset with elements (image, label) of known rank."""
    if dataset.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise DataError("the dataset is infinite; leave out repeat(), epochs are counted elsewhere")
    if isinstance(dataset.element_spec, dict) and {"image", "label"} <= set(dataset.element_spec):
        dataset = dataset.map(lambda element: (element["image"], element["label"]))
    spec = dataset.element_spec
    if not (
        isinstance(spec, tuple)
        and len(spec) == 2
        and all(isinstance(part, tf.TensorSpec) and part.shape.rank is not None for part in spec)
    ):
        raise UsageError(f"the dataset's elements are {spec}; needed is (image, label)"[:400])
    image, label = spec[0].shape, spec[1].shape
    batch = _batch_axes(image, label)
    if image.rank - batch not in (2, 3) or label.rank - batch not in (0, 1):
        raise UsageError(
            f"the dataset's images are {image} and its labels {label}; needed is height x width "
            "(x channels) and one label, with or without a batch axis"
        )
    if image.rank - batch == 3 and image[-1] is None:
        raise UsageError(f"the dataset's images are {image}; set their number of channels")
    return dataset


def _batch_axes(image: Any, label: Any) -> int:
    """Returns 1 where the elements are batches, 0 where they are single samples."""
    if image.rank != 3:
        return int(image.rank > 3)
    # Either H x W x C, or N x H x W with N labels; only the latter share their first size.
    shared = label.rank > 0 and image[0] == label[0]
    return int(shared and (label.rank == 2 or image[-1] not in (1, 3)))


def _labels(dataset: tf.data.Dataset) -> tuple[np.ndarray, int | None]:
    batch = _batch_axes(*(spec.shape for spec in dataset.element_spec))
    marks = dataset.map(lambda _, label: label)
    parts = list((marks if batch else marks.batch(1024)).as_numpy_iterator())
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
        first = (pixels.unbatch() if batch else pixels).take(_LOOKED_AT).as_numpy_iterator()
        scale = 255.0 if holds_unit_values(first) else 1.0

    def standard(pixels: Any, mark: Any) -> tuple[Any, Any]:
        if add_axis:
            pixels = pixels[..., tf.newaxis]
        if pixels.dtype != tf.uint8:
            pixels = tf.cast(pixels, tf.float32) * scale
        if mark.shape.rank > batch:
            mark = mark[..., 0] if mark.shape[-1] == 1 else tf.argmax(mark, axis=-1)
        return pixels, tf.cast(mark, tf.int64)

    return dataset.map(standard)


def _selected(dataset: tf.data.Dataset, indices: np.ndarray) -> tf.data.Dataset:
    single = dataset.unbatch() if is_batched(dataset) else dataset
    chosen = tf.constant(indices, tf.int64)
    # Two sorted sequences: an index is chosen where the search ends on itself.
    padded = tf.concat([chosen, [-1]], 0)
    return (
        single.enumerate()
        .filter(lambda i, _: padded[tf.searchsorted(chosen, [i])[0]] == i)
        .map(lambda _, sample: sample)
    )


def _fingerprint(parts: list[tf.data.Dataset], labels: list[np.ndarray]) -> str:
    digest = hashlib.sha256()
    for dataset, marks in zip(parts, labels, strict=True):
        # The order of a dataset may change from pass to pass; its counts may not.
        digest.update(f"{dataset.element_spec}{np.bincount(marks).tolist()}".encode())
    return digest.hexdigest()
