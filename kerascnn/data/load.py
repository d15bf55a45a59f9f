"""Loads a data set from a text such as "folder:PATH", from arrays or from `tf.data`."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

from kerascnn.data.sources.dataset import (
    OWN_SPLIT,
    Data,
    Split,
    as_images,
    as_labels,
    check_classes,
    check_pair,
    common_shape,
    digest_arrays,
    held_out,
    names_of_classes,
    user_path,
)
from kerascnn.data.sources.folder import load_folder
from kerascnn.data.sources.idx import load_idx
from kerascnn.data.sources.npz import arrange, load_npz
from kerascnn.errors import DataError, UsageError
from kerascnn.lazy import np, tf

_ALLOWED = (
    "digits, folder:PATH, idx:DIR, cifar:DIR, npz:FILE, tfrecord:FILES, arrayrecord:FILES or "
    "tfds:NAME"
)


def load_data(
    source: str
    | tuple[Any, Any]
    | Mapping[str, Any]
    | tf.data.Dataset
    | tuple[tf.data.Dataset, tf.data.Dataset]
    | Data,
    *,
    seed: int = 0,
    test_fraction: float | None = None,
    max_bad: int | str | None = None,
) -> Data:
    """Returns a data set with its training and test splits.

    Only "tfds:" may access the network.

    Args:
        source: one of the following. Labels are class numbers from 0 or one-hot rows.

            - "digits": scikit-learn's 1,797 handwritten digits.
            - "idx:DIR": a folder with the MNIST files.
            - "npz:FILE": arrays x_train, y_train, x_test, y_test, or x, y.
            - "folder:PATH": a folder for each class, also below train/ and test/.
            - "cifar:DIR": CIFAR-10 or CIFAR-100 as published.
            - "tfrecord:FILES", "arrayrecord:FILES": a file, folder or pattern.
            - "tfds:NAME": a set of TensorFlow Datasets, prepared or to be downloaded.
            - A builder of TensorFlow Datasets.
            - ((x_train, y_train), (x_test, y_test)) or (x, y).
            - A dictionary with the arrays of an npz file and optionally "class_names".
            - A `tf.data.Dataset` of (image, label), or a pair of them for training and testing.
            - `Data`, which is returned itself.
        seed: of the random split, for a source without a test set.
        test_fraction: the part of every class that this split uses for testing, above 0 and at most
            1 (all samples are for testing); None means a third.
        max_bad: for a folder, decode every image now, and skip up to so many unreadable ones: a
            number, or a share as "1%". With None, images are not decoded yet, and an unreadable one
            is an error later.

    Raises:
        UsageError: the source is none of these.
        DataError: a file or array is missing, empty, or does not hold images and labels.
        DamagedFileError: a file is corrupt.
        UnsafeFileError: reading a file could run code or exhaust the memory.
    """
    if isinstance(source, Data):
        return source
    if isinstance(source, str):
        return _from_text(source, seed, test_fraction, max_bad)
    if hasattr(source, "as_dataset") and hasattr(source, "info"):
        builder: Any = source
        return _from_tfds(builder, f"tfds:{builder.info.name}", seed, test_fraction)
    if isinstance(source, os.PathLike):
        raise UsageError(f"{os.fspath(source)!r} is a path; write folder:, npz: or idx: before it")
    if isinstance(source, Mapping):
        pairs, names = arrange(dict(source), "the dictionary"), source.get("class_names")
        return _from_pairs("arrays", pairs, names, seed, test_fraction)
    if _is_dataset(source):
        from kerascnn.data.sources.tf_dataset import from_datasets

        return from_datasets((source,), seed, test_fraction)
    if isinstance(source, (tuple, list)) and len(source) == 2:
        first, second = source
        if _is_dataset(first) and _is_dataset(second):
            from kerascnn.data.sources.tf_dataset import from_datasets

            return from_datasets((first, second), seed, test_fraction)
        nested = all(isinstance(part, (tuple, list)) and len(part) == 2 for part in source)
        pairs = ((first[0], first[1]), (second[0], second[1])) if nested else ((first, second),)
        return _from_pairs("arrays", pairs, None, seed, test_fraction)
    raise UsageError(
        f"data is {type(source).__name__}; give one of {_ALLOWED}, (x, y), ((x_train, y_train), "
        "(x_test, y_test)), a tf.data.Dataset or a pair of them"
    )


def _from_text(
    text: str, seed: int, test_fraction: float | None, max_bad: int | str | None
) -> Data:
    """Returns the data set that a text such as "folder:PATH" names."""
    scheme, colon, rest = text.partition(":")
    loaders: dict[str, Callable[[], Data]] = {
        "idx": lambda: _from_pairs(text, load_idx(user_path(rest)), None, seed, test_fraction),
        "cifar": lambda: _from_cifar(text, rest, seed, test_fraction),
        "tfrecord": lambda: _from_records("tfrecord", rest, seed, test_fraction),
        "arrayrecord": lambda: _from_records("arrayrecord", rest, seed, test_fraction),
        "tfds": lambda: _from_tfds(os.fspath(user_path(rest)), text, seed, test_fraction),
        "npz": lambda: _from_npz(text, rest, seed, test_fraction),
        "folder": lambda: load_folder(user_path(rest), text, seed, test_fraction, max_bad),
    }
    if text == "digits":
        return _digits(seed, test_fraction)
    if colon and scheme in loaders:
        return loaders[scheme]()
    hint = ""
    if os.path.isdir(text):
        hint = f"; did you mean folder:{text}?"
    elif os.path.exists(text):
        hint = f"; did you mean npz:{text}?"
    elif near := difflib.get_close_matches(scheme, ["digits", *loaders], 1):
        hint = f"; did you mean {near[0]}?"
    raise UsageError(f"unknown data {text!r}; it can be {_ALLOWED}{hint}")


def _from_cifar(text: str, path: str, seed: int, test_fraction: float | None) -> Data:
    from kerascnn.data.sources.cifar import load_cifar

    train, test, names = load_cifar(user_path(path))
    return _from_pairs(text, (train, test), names, seed, test_fraction)


def _from_records(scheme: str, path: str, seed: int, test_fraction: float | None) -> Data:
    from kerascnn.data.sources.tfrecord import load_records

    files = os.fspath(user_path(path))
    return load_records(scheme, files, f"{scheme}:{path}", seed, test_fraction)


def _from_tfds(source: Any, name: str, seed: int, test_fraction: float | None) -> Data:
    from kerascnn.data.sources.tfds import load_tfds

    return load_tfds(source, name, seed, test_fraction)


def _digits(seed: int, test_fraction: float | None) -> Data:
    from sklearn.datasets import load_digits

    digits = load_digits()
    # The values are 0 to 16.
    images = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    return _from_pairs("digits", ((images, digits.target),), None, seed, test_fraction)


def _from_npz(text: str, path: str, seed: int, test_fraction: float | None) -> Data:
    arrays = load_npz(user_path(path))
    names = arrays.get("class_names")
    return _from_pairs(
        text, arrange(arrays, path), None if names is None else names.tolist(), seed, test_fraction
    )


def _from_pairs(
    name: str,
    pairs: tuple[tuple[Any, Any], ...],
    class_names: Any,
    seed: int,
    fraction: float | None,
) -> Data:
    """Returns Data of ((x_train, y_train), (x_test, y_test)), or of ((x, y),), which is split."""
    titles = ("training data", "test data") if len(pairs) == 2 else ("data",)
    checked = [
        as_labels(labels, f"the labels of the {title}")
        for (_, labels), title in zip(pairs, titles, strict=True)
    ]
    labels = [numbers for numbers, _ in checked]
    columns = {count for _, count in checked}
    if len(columns) > 1:
        raise DataError("the labels of training and test data differ in kind or number of columns")
    names = names_of_classes(class_names, labels, columns.pop())
    images = [
        as_images(array, f"the images of the {title}")
        for (array, _), title in zip(pairs, titles, strict=True)
    ]
    for array, numbers, title in zip(images, labels, titles, strict=True):
        check_pair(array, numbers, f"the {title}")
        if not len(array):
            raise DataError(f"the {title} of {name} hold no sample; at least one is needed")
    image_shape = common_shape([array.shape[1:] for array in images])
    if len(pairs) == 2:
        sentence = OWN_SPLIT.format(*map(len, labels))
    else:
        train, test, sentence = held_out(labels[0], fraction, seed)
        images = [images[0][indices] for indices in (train, test)]
        labels = [labels[0][indices] for indices in (train, test)]
    return check_classes(
        Data(
            name=name,
            train=Split(images[0], labels[0]),
            test=Split(images[1], labels[1]),
            class_names=names,
            image_shape=image_shape,
            fingerprint=digest_arrays(images[0], labels[0], images[1], labels[1]),
            split=sentence,
        )
    )


def _is_dataset(source: Any) -> bool:
    # A dataset implies that TensorFlow is imported. For other sources this avoids the import.
    tensorflow = sys.modules.get("tensorflow")
    return tensorflow is not None and isinstance(source, tensorflow.data.Dataset)
