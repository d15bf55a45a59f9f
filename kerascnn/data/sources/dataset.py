"""A loaded data set, and the conversion and checks of images and labels from every source."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerascnn.errors import DataError, UsageError
from kerascnn.imaging.axes import refuse_channels_first
from kerascnn.lazy import np, tf

TEST_FRACTION = 1 / 3
OWN_SPLIT = "as the source has it: {:,} training and {:,} test samples"
_UNIT_LIMIT = 2.0
"""Float images up to this value have the range 0 to 1, which an interpolation may exceed."""
_CHUNK_BYTES = 2**26


@dataclass(frozen=True, eq=False)
class Split:
    """The samples for training, or those for testing.

    Attributes:
        images: uint8 or float32 array N x H x W x C with values 0 to 255; or the paths of files;
            or a `tf.data.Dataset` of (image H x W x C, label) or of batches of them.
        labels: int64 array of N class numbers; None if they are unknown.
    """

    images: np.ndarray | tuple[Path, ...] | tf.data.Dataset
    labels: np.ndarray | None

    def __len__(self) -> int:
        return len(self.images if self.labels is None else self.labels)

    def __repr__(self) -> str:
        return f"Split({len(self):,} samples)"


@dataclass(frozen=True, eq=False)
class Data:
    """A data set with its two splits.

    Attributes:
        name: the text that the user gave as the source, or a name for other sources.
        train, test: the splits; `train` is empty if all samples are for testing.
        class_names: one name for each class number.
        image_shape: height, width, channels; height and width are None if images differ in size.
        fingerprint: SHA-256 over all images and labels, split by split, as 64 hexadecimal digits
            (of a `tf.data.Dataset`: over its element types and the number of samples per class).
        split: a sentence that says how the two splits were made.
        skipped: (path, reason) of each unreadable image that was left out.
    """

    name: str
    train: Split
    test: Split
    class_names: tuple[str, ...]
    image_shape: tuple[int | None, int | None, int]
    fingerprint: str
    split: str
    skipped: tuple[tuple[str, str], ...] = ()


def as_images(images: Any, where: str = "the images") -> np.ndarray:
    """Returns images as uint8 or float32, N x H x W x C, with values 0 to 255.

    Args:
        images: N x H x W or N x H x W x C. Booleans become 0 and 255. Integers must be between 0
            and 255; uint16 with larger values is divided by 257. Floats are multiplied by 255 if
            some are negative or if none is above 2; otherwise they must be between 0 and 255.
        where: the name of the images in errors.

    Raises:
        DataError: another shape or kind, no image, channels that come before height and width, or
            values that are not finite or out of range.
    """
    try:
        array = np.asarray(images)
    except ValueError as error:
        raise DataError(f"{where} differ in shape; an array of equal images is needed") from error
    if array.ndim == 3:
        array = array[..., np.newaxis]
    if array.ndim != 4 or 0 in array.shape[1:]:
        raise DataError(
            f"{where} have shape {array.shape}; needed is samples x height x width (x channels)"
        )
    refuse_channels_first(array.shape[1:], where)
    if array.dtype.kind not in "biuf":
        raise DataError(f"{where} hold {array.dtype}; whole or floating-point numbers are needed")
    if array.dtype == np.uint8 or not len(array):
        return array if array.dtype == np.uint8 else array.astype(np.float32)
    if array.dtype == bool:
        return array.astype(np.uint8) * np.uint8(255)
    low, high = _range(array, where)
    if array.dtype.kind in "iu":
        if low >= 0 and high <= 255:
            return array.astype(np.uint8)
        if array.dtype == np.uint16:
            return array.astype(np.float32) * np.float32(255 / 65535)
        raise DataError(f"{where} hold values from {low:g} to {high:g}; allowed are 0 to 255")
    if low >= 0 and high > 255:
        raise DataError(
            f"{where} hold values up to {high:g}; floats go from 0 to 1 or to 255, rescale them"
        )
    result = array.astype(np.float32)
    if _is_unit(low, high):
        result *= np.float32(255)
    return result


def holds_unit_values(images: Iterable[np.ndarray]) -> bool:
    """Returns whether float images have values 0 to 1, or standardised ones, and not 0 to 255."""
    ranges = [(float(image.min()), float(image.max())) for image in images]
    return _is_unit(min(low for low, _ in ranges), max(high for _, high in ranges))


def _is_unit(low: float, high: float) -> bool:
    return low < 0 or high <= _UNIT_LIMIT


def _range(array: np.ndarray, where: str) -> tuple[float, float]:
    low, high = np.inf, -np.inf
    step = max(1, _CHUNK_BYTES // array[:1].nbytes)
    for start in range(0, len(array), step):
        part = array[start : start + step]
        smallest, largest = float(part.min()), float(part.max())
        if not np.isfinite(smallest + largest):
            index = int(np.argwhere(~np.isfinite(part))[0, 0]) + start
            raise DataError(f"image {index} of {where} holds values that are not finite; repair it")
        low, high = min(low, smallest), max(high, largest)
    return low, high


def as_labels(labels: Any, where: str = "the labels") -> tuple[np.ndarray, int | None]:
    """Returns class numbers as int64, and the number of columns of one-hot rows, else None.

    Args:
        labels: N whole numbers from 0 (of any dtype, also N x 1), or N x C one-hot rows.
        where: the name of the labels in errors.

    Raises:
        DataError: a label is negative, fractional, not finite or no number, or a row is not
            one-hot; the message has its value and index.
    """
    try:
        array = np.asarray(labels)
    except ValueError as error:
        raise DataError(f"{where} differ in shape; one number for each image is needed") from error
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim not in (1, 2):
        raise DataError(f"{where} have shape {array.shape}; needed is one number for each image")
    if array.dtype.kind not in "biuf" and array.size:
        first = array.reshape(-1)[0]
        raise DataError(
            f"{where} hold {first!r} at index 0; class numbers from 0 are needed, and the names "
            "in class_names"
        )
    if array.ndim == 2:
        one_hot = ((array == 0) | (array == 1)).all(axis=1) & (array.sum(axis=1) == 1)
        if not one_hot.all():
            index = int(np.argmin(one_hot))
            raise DataError(
                f"{where} hold {array[index][:8].tolist()} at index {index}, which is not one-hot; "
                "give rows with a single 1 and zeros, or class numbers"
            )
        return array.argmax(axis=1).astype(np.int64), array.shape[1]
    # Larger floats and unsigned numbers could overflow in the conversion to int64.
    wrong = ~((array >= 0) & (array < 2**31))
    if array.dtype.kind == "f":
        wrong |= array != np.floor(array)
    if wrong.any():
        index = int(np.argmax(wrong))
        raise DataError(
            f"{where} hold {array[index].item()} at index {index}; class numbers are whole and "
            "start at 0"
        )
    return array.astype(np.int64), None


def check_pair(images: Any, labels: np.ndarray, title: str) -> None:
    """Raises a DataError if images and labels differ in number; `title` names them in it."""
    if len(images) != len(labels):
        raise DataError(
            f"{title} have {len(images):,} images and {len(labels):,} labels; give one label for "
            "each image"
        )


def common_shape(shapes: Sequence[tuple[Any, ...]]) -> tuple[Any, ...]:
    """Returns the image shape of the splits.

    Args:
        shapes: of the training and of the test images, or of all images alone.

    Raises:
        DataError: the shapes differ.
    """
    if shapes[0] != shapes[-1]:
        raise DataError(
            f"training images are {shapes[0]} and test images {shapes[-1]}; make them equal"
        )
    return shapes[0]


def names_of_classes(
    names: Sequence[str] | None, labels: Sequence[np.ndarray], columns: int | None = None
) -> tuple[str, ...]:
    """Returns the class names, and checks that every label has one.

    Args:
        names: of the classes; None for the class numbers as names.
        labels: class numbers of each split.
        columns: number of columns of one-hot labels, or None for other labels.

    Raises:
        DataError: a label has no name, or is so large that it cannot be a class number.
        UsageError: names repeat, or there are more or fewer of them than one-hot columns.
    """
    count = sum(map(len, labels))
    if names is not None:
        names = tuple(str(name) for name in names)
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise UsageError(f"class_names holds {twice!r} twice; every class needs its own name")
        if columns is not None and columns != len(names):
            raise UsageError(f"{len(names)} class_names, but the labels have {columns} columns")
    # Numbers that are much larger than the number of samples are identifiers, not class numbers.
    bound = len(names) if names is not None else columns or max(1000, count)
    for numbers in labels:
        if (numbers >= bound).any():
            index = int(np.argmax(numbers >= bound))
            raise DataError(
                f"the label at index {index} is {numbers[index]}; with {bound} classes the largest "
                f"is {bound - 1}"
            )
    if names is not None:
        return names
    classes = columns or max((int(part.max()) + 1 for part in labels if len(part)), default=0)
    return tuple(map(str, range(classes)))


def held_out(
    labels: np.ndarray, fraction: float | None, seed: int
) -> tuple[np.ndarray, np.ndarray, str]:
    """Splits samples at random into training and test samples, with the same part of every class.

    Args:
        labels: class numbers.
        fraction: the part for testing, above 0 and at most 1 (no sample is for training then);
            None means a third.
        seed: the same seed gives the same split.

    Returns:
        The indices for training and for testing, ascending, and the sentence for `Data.split`.
        The only sample of a class is for training; larger classes have samples in both splits.

    Raises:
        UsageError: `fraction` is out of range.
        DataError: no class has two samples.
    """
    fraction = TEST_FRACTION if fraction is None else fraction
    if not 0 < fraction <= 1:
        raise UsageError(f"test_fraction is {fraction!r}; it must be above 0 and at most 1")
    everything = np.arange(len(labels))
    if fraction == 1:
        return everything[:0], everything, f"all {len(labels):,} samples are for testing"
    is_test = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        count = min(max(round(len(members) * fraction), 1), len(members) - 1)
        drawn = np.random.default_rng([seed, int(label)]).permutation(members)[:count]
        is_test[drawn] = True
    if not is_test.any():
        raise DataError(
            "no class has the two samples that a training and a test split need; give more images"
        )
    share = "a third" if fraction == TEST_FRACTION else f"{fraction:.4g}"
    sentence = (
        f"{share} of every class held out for testing, drawn with seed {seed}: "
        f"{int((~is_test).sum()):,} training and {int(is_test.sum()):,} test samples"
    )
    return everything[~is_test], everything[is_test], sentence


def digest_arrays(*arrays: np.ndarray) -> str:
    """Returns the SHA-256 of the arrays' types, shapes and values as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        step = max(1, _CHUNK_BYTES // max(1, array[:1].nbytes))
        for start in range(0, len(array), step):
            digest.update(np.ascontiguousarray(array[start : start + step]).data)
    return digest.hexdigest()


def check_classes(data: Data) -> Data:
    """Returns the data; raises a DataError without test samples, or with one class in training."""
    if not len(data.test):
        raise DataError(
            f"{data.name} has no test samples; add some, or remove the empty test set so that a "
            "part of the training samples is held out"
        )
    labels = data.train.labels
    if len(data.train) and labels is not None and len(np.unique(labels)) < 2:
        raise DataError(
            f"all {len(data.train):,} training samples of {data.name} are of the class "
            f"{data.class_names[int(labels[0])]!r}; at least two classes are needed"
        )
    return data


def user_path(text: str) -> Path:
    """Returns the path of a user's text, with `~` replaced by the home folder.

    Raises:
        UsageError: the text is empty.
    """
    if not text:
        raise UsageError("the path is missing; write it after the colon, as in folder:PATH")
    return Path(os.path.expanduser(text))
