"""Loads images from TFRecord and ArrayRecord files of `tf.train.Example` records.

The files are read once, for labels and fingerprint. After that, images of TFRecord files are read
from disk one at a time, in any order, so a data set may be larger than the memory.
"""

from __future__ import annotations

import glob
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerascnn.data.sources.dataset import (
    OWN_SPLIT,
    Data,
    Split,
    as_labels,
    check_classes,
    held_out,
    names_of_classes,
)
from kerascnn.errors import DamagedFileError, DataError
from kerascnn.imaging.decode import EmbeddedImage, read_header
from kerascnn.lazy import np, tf

IMAGE_KEYS = ("image/encoded", "image")
LABEL_KEYS = ("image/class/label", "label")
TEXT_KEY = "image/class/text"
MEMORY_LIMIT = 2 * 2**30
"""Most bytes of encoded images kept in memory, for formats that cannot be read one at a time."""
_TEST_WORDS = ("test", "val")
_HEADER, _FOOTER = 12, 4
"""Bytes of a TFRecord before and after its content: length and checksums."""

Sample = tuple["EmbeddedImage | bytes", int, str, bytes]
"""Image (where it is stored, or its bytes), label, class name or "", and the image's bytes."""


@dataclass(frozen=True)
class EncodedSamples:
    """The encoded images of a data set, with labels.

    Attributes:
        images: for training and for testing, or all and none.
        labels: class numbers of the same.
        names: class names by class number, as far as they are known.
        fingerprint: for `Data.fingerprint`.
    """

    images: list[list[Any]]
    labels: list[np.ndarray]
    names: dict[int, str]
    fingerprint: str


def load_records(
    scheme: str, source: str, name: str, seed: int, test_fraction: float | None
) -> Data:
    """Returns the data set of examples with one of `IMAGE_KEYS` and one of `LABEL_KEYS`.

    Args:
        scheme: "tfrecord" or "arrayrecord".
        source: a file, a folder, or a pattern with *. Files with "test" or "val" in their name are
            for testing. If there are none, a part of the samples is held out.
        name: for `Data.name`.
        seed, test_fraction: for the split, if there are no files for testing.

    Raises:
        DataError: there is no file, an example lacks a feature, or a package is missing.
        DamagedFileError: a file is truncated or corrupt.
    """
    files = _files(source, scheme)
    read = _tfrecords if scheme == "tfrecord" else _arrayrecords
    parts = {
        "train": [path for path in files if not _for_testing(path)],
        "test": [path for path in files if _for_testing(path)],
    }
    if not parts["train"]:
        parts = {"train": files, "test": []}
    digest = hashlib.sha256()
    images: list[list[EmbeddedImage | bytes]] = []
    labels: list[np.ndarray] = []
    names: dict[int, str] = {}
    for part in ("train", "test"):
        part_images: list[EmbeddedImage | bytes] = []
        part_labels: list[int] = []
        size = 0
        for path in parts[part]:
            for image, label, class_name, content in read(path):
                part_images.append(image)
                part_labels.append(label)
                size += len(image) if isinstance(image, bytes) else 0
                if size > MEMORY_LIMIT:
                    raise DataError(
                        f"{source} holds more than {MEMORY_LIMIT:,} bytes of images, the most that "
                        "are kept in memory; convert it to TFRecord files, which stay on disk"
                    )
                names.setdefault(label, class_name)
                digest.update(f"{part}\0{label}\0".encode() + hashlib.sha256(content).digest())
        images.append(part_images)
        labels.append(as_labels(np.array(part_labels, np.int64), f"the labels of {source}")[0])
    if not images[0]:
        raise DataError(f"{source} holds no example; at least one is needed")
    samples = EncodedSamples(images, labels, names, digest.hexdigest())
    return make_data(name, samples, seed, test_fraction)


def make_data(name: str, samples: EncodedSamples, seed: int, test_fraction: float | None) -> Data:
    """Returns Data of encoded images.

    Args:
        name: for `Data.name`.
        samples: images and labels.
        seed, test_fraction: for the split, if there are no samples for testing.

    Raises:
        DataError: a label is wrong, an image cannot be read, or there is only one class.
    """
    images, labels, known_names = samples.images, samples.labels, samples.names
    note, everything = "", np.concatenate(labels)
    if len(everything) and everything.min() == 1:
        # ImageNet files of TensorFlow-Slim reserve 0 for the background and have no such image.
        labels, note = [numbers - 1 for numbers in labels], "; labels start from 1 in the files"
        known_names = {label - 1: class_name for label, class_name in known_names.items()}
    highest = max(int(numbers.max()) for numbers in labels if len(numbers))
    names = [known_names.get(label, "") for label in range(highest + 1)]
    complete = all(names) and len(set(names)) == len(names)
    class_names = names_of_classes(names if complete else None, labels, None)
    if len(labels[1]):
        sentence = OWN_SPLIT.format(*map(len, labels))
    else:
        train, test, sentence = held_out(labels[0], test_fraction, seed)
        images = [[images[0][index] for index in indices] for indices in (train, test)]
        labels = [labels[0][indices] for indices in (train, test)]
    headers = [read_header(image) for part in images for image in part]
    sizes = {(header.height, header.width) for header in headers}
    height, width = sizes.pop() if len(sizes) == 1 else (None, None)
    return check_classes(
        Data(
            name=name,
            train=Split(tuple(images[0]), labels[0]),
            test=Split(tuple(images[1]), labels[1]),
            class_names=class_names,
            image_shape=(height, width, 1 if all(header.grey for header in headers) else 3),
            fingerprint=samples.fingerprint,
            split=sentence + note,
        )
    )


def _files(source: str, scheme: str) -> list[Path]:
    path = Path(source)
    if path.is_dir():
        entries = path.iterdir()
        files = [file for file in entries if scheme in file.name.lower().replace("_", "")]
    else:
        files = [Path(match) for match in glob.glob(source)]
    files = [file for file in files if file.is_file()]
    if not files:
        raise DataError(
            f"{source} names no {scheme} file; give a file, a pattern with *, or a folder of files "
            f"with {scheme!r} in their names"
        )
    return sorted(files)


def _for_testing(path: Path) -> bool:
    return any(word in path.name.lower() for word in _TEST_WORDS)


def _tfrecords(path: Path) -> Iterator[Sample]:
    position = 0
    with path.open("rb") as stream:
        compressed = stream.read(2) == b"\x1f\x8b"
    if compressed:
        raise DataError(
            f"{path} is packed with gzip, so single images cannot be read from it; unpack it"
        )
    try:
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            image, label, text = _example(record, path)
            start = position + _HEADER + record.find(image)
            yield EmbeddedImage(str(path), start, len(image)), label, text, image
            position += _HEADER + len(record) + _FOOTER
    except tf.errors.DataLossError as error:
        raise DamagedFileError(
            f"{path} is truncated or corrupt after byte {position:,}; get it again"
        ) from error


def _arrayrecords(path: Path) -> Iterator[Sample]:
    try:
        from array_record.python import array_record_module
    except ImportError as error:
        raise DataError(
            "arrayrecord: needs the package array-record (pip install array-record), which is not "
            "installed; tfrecord: needs nothing more"
        ) from error
    try:
        reader = array_record_module.ArrayRecordReader(str(path))
        records = reader.read_all() if reader.num_records() else []
        reader.close()
    except (RuntimeError, ValueError, IndexError) as error:
        raise DamagedFileError(f"{path} is no ArrayRecord file, or a damaged one") from error
    for record in records:
        image, label, text = _example(record, path)
        yield image, label, text, image


def _example(record: bytes, path: Path) -> tuple[bytes, int, str]:
    try:
        features = tf.train.Example.FromString(record).features.feature
    except Exception as error:  # protobuf's own class differs between its implementations
        raise DamagedFileError(f"{path} holds a record that is no tf.train.Example") from error
    image: Sequence[bytes] = _first(features, IMAGE_KEYS, "bytes_list")
    label: Sequence[int] = _first(features, LABEL_KEYS, "int64_list")
    if len(image) != 1 or len(label) != 1:
        raise DataError(
            f"{path} holds an example with {', '.join(sorted(features)[:8]) or 'nothing'}; it must "
            f"have one encoded image ({' or '.join(IMAGE_KEYS)}) and one whole number "
            f"({' or '.join(LABEL_KEYS)})"
        )
    text: Sequence[bytes] = _first(features, (TEXT_KEY,), "bytes_list")
    return image[0], int(label[0]), text[0].decode("utf-8", "replace") if text else ""


def _first(features: Any, keys: tuple[str, ...], kind: str) -> Sequence[Any]:
    """Returns the values of the first of `keys` that an example has, or ()."""
    feature = next((features[key] for key in keys if key in features), None)
    return () if feature is None else getattr(feature, kind).value
