"""`load_data`: from what a user names, by a string or as arrays, to `Data`."""

from __future__ import annotations

import difflib
import os
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
    digest_arrays,
    given_path,
    held_out,
    names_of_classes,
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
    """Loads a data set with its training and test splits; only "tfds:" may touch the network.

    Args:
        source: "digits" (scikit-learn's 1,797 handwritten digits), "idx:DIR" (the MNIST files),
            "npz:FILE" (x_train, y_train, x_test, y_test or x, y), "folder:PATH" (a folder per
            class, also below train/ and test/), "cifar:DIR" (CIFAR-10 or 100 as published),
            "tfrecord:FILES" and "arrayrecord:FILES" (a folder or pattern), "tfds:NAME" (TensorFlow
            Datasets, prepared or downloaded); a builder of TensorFlow Datasets;
            ((x_train, y_train), (x_test, y_test)) or (x, y);
            a dictionary with the arrays of an npz file and, if you like, "class_names"; one
            `tf.data.Dataset` of (image, label), or a pair for training and testing; or `Data`,
            which is returned as it is. Labels are class numbers from 0 or one-hot rows.
        seed: draws the split where the source has no test set.
        test_fraction: the share of every class that is held out there, above 0 and at most 1
            (everything is for testing); None means a third.
        max_bad: of a folder, decode every image now and skip up to so many that cannot be: a
            number, or a share as "1%". None decodes nothing yet, and a bad image is an error.

    Raises:
        UsageError: the source is none of these.
        DataError: something is missing, empty, or no image or label.
        DamagedFileError, UnsafeFileError: a file is corrupt, or was made to do harm.
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
    scheme, colon, rest = text.partition(":")
    loaders: dict[str, Callable[[], Data]] = {
        "idx": lambda: _from_pairs(text, load_idx(given_path(rest)), None, seed, test_fraction),
        "cifar": lambda: _from_cifar(text, rest, seed, test_fraction),
        "tfrecord": lambda: _from_records("tfrecord", rest, seed, test_fraction),
        "arrayrecord": lambda: _from_records("arrayrecord", rest, seed, test_fraction),
        "tfds": lambda: _from_tfds(os.fspath(given_path(rest)), text, seed, test_fraction),
        "npz": lambda: _from_npz(text, rest, seed, test_fraction),
        "folder": lambda: load_folder(given_path(rest), text, seed, test_fraction, max_bad),
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

    train, test, names = load_cifar(given_path(path))
    return _from_pairs(text, (train, test), names, seed, test_fraction)


def _from_records(scheme: str, path: str, seed: int, test_fraction: float | None) -> Data:
    from kerascnn.data.sources.tfrecord import load_records

    files = os.fspath(given_path(path))
    return load_records(scheme, files, f"{scheme}:{path}", seed, test_fraction)


def _from_tfds(source: Any, name: str, seed: int, test_fraction: float | None) -> Data:
    from kerascnn.data.sources.tfds import load_tfds

    return load_tfds(source, name, seed, test_fraction)


def _digits(seed: int, test_fraction: float | None) -> Data:
    from sklearn.datasets import load_digits

    digits = load_digits()
    # 16 is the largest value; 255/16 takes it to white.
    images = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    return _from_pairs("digits", ((images, digits.target),), None, seed, test_fraction)


def _from_npz(text: str, path: str, seed: int, test_fraction: float | None) -> Data:
    arrays = load_npz(given_path(path))
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
    """Makes Data of ((x_train, y_train), (x_test, y_test)), or of ((x, y),) by a split."""
    parts = ("training data", "test data") if len(pairs) == 2 else ("data",)
    checked = [
        as_labels(labels, f"the labels of the {part}")
        for (_, labels), part in zip(pairs, parts, strict=True)
    ]
    labels = [part for part, _ in checked]
    columns = {count for _, count in checked}
    if len(columns) > 1:
        raise DataError("the labels of training and test data differ in kind or number of columns")
    names = names_of_classes(class_names, labels, columns.pop())
    images = [
        as_images(part, f"the images of the {what}")
        for (part, _), what in zip(pairs, parts, strict=True)
    ]
    for part, marks, what in zip(images, labels, parts, strict=True):
        check_pair(part, marks, f"the {what}")
        if not len(part):
            raise DataError(f"the {what} of {name} hold no sample; at least one is needed")
    shapes = [part.shape[1:] for part in images]
    if shapes[0] != shapes[-1]:
        raise DataError(
            f"training images are {shapes[0]} and test images {shapes[-1]}; make them equal"
        )
    if len(pairs) == 2:
        sentence = OWN_SPLIT.format(*map(len, labels))
    else:
        kept, taken, sentence = held_out(labels[0], fraction, seed)
        images = [images[0][part] for part in (kept, taken)]
        labels = [labels[0][part] for part in (kept, taken)]
    return check_classes(
        Data(
            name=name,
            train=Split(images[0], labels[0]),
            test=Split(images[1], labels[1]),
            class_names=names,
            image_shape=shapes[0],
            fingerprint=digest_arrays(images[0], labels[0], images[1], labels[1]),
            split=sentence,
        )
    )


def _is_dataset(source: Any) -> bool:
    # An object cannot be a Dataset before TensorFlow was imported by whoever made it.
    import sys

    tensorflow = sys.modules.get("tensorflow")
    return tensorflow is not None and isinstance(source, tensorflow.data.Dataset)
