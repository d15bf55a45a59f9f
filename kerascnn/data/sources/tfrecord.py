"""Images in TFRecord and ArrayRecord files: standard examples with an encoded image and a label.

The files are read once, for labels and fingerprint; then an image of a TFRecord file is read where
it lies, in any order, so a set may be larger than the memory.
"""

from __future__ import annotations

import glob
import hashlib
from collections.abc import Iterator, Sequence
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
from kerascnn.imaging.decode import Piece, read_header
from kerascnn.lazy import np, tf

IMAGE_KEYS = ("image/encoded", "image")
LABEL_KEYS = ("image/class/label", "label")
TEXT_KEY = "image/class/text"
MEMORY_LIMIT = 2 * 2**30
"""Bytes of encoded images that are held in memory where a format cannot be read in pieces."""
_TEST_WORDS = ("test", "val")
_HEADER, _FOOTER = 12, 4
"""Bytes of a TFRecord before and behind its content: length and checksums."""

Sample = tuple["Piece | bytes", int, str, bytes]


def load_records(
    scheme: str, source: str, name: str, seed: int, test_fraction: float | None
) -> Data:
    """Reads examples with the features of `IMAGE_KEYS` and `LABEL_KEYS`.

    Args:
        scheme: "tfrecord" or "arrayrecord".
        source: a file, a folder, or a pattern with *. Files with "test" or "val" in their name are
            for testing; without any, a part is held out.
        name: for `Data.name`.
        seed, test_fraction: for the split, where there are no files for testing.

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
    images: list[list[Piece | bytes]] = []
    marks: list[np.ndarray] = []
    texts: dict[int, str] = {}
    for part in ("train", "test"):
        found: list[Piece | bytes] = []
        labels: list[int] = []
        held = 0
        for path in parts[part]:
            for image, label, text, content in read(path):
                found.append(image)
                labels.append(label)
                held += len(image) if isinstance(image, bytes) else 0
                if held > MEMORY_LIMIT:
                    raise DataError(
                        f"{source} holds more than {MEMORY_LIMIT:,} bytes of images; convert it "
                        "to TFRecord files, which are read in pieces"
                    )
                texts.setdefault(label, text)
                digest.update(f"{part}\0{label}\0".encode() + hashlib.sha256(content).digest())
        images.append(found)
        marks.append(as_labels(np.array(labels, np.int64), f"the labels of {source}")[0])
    if not images[0]:
        raise DataError(f"{source} holds no example; at least one is needed")
    return make_data(name, images, marks, texts, digest.hexdigest(), seed, test_fraction)


def make_data(
    name: str,
    images: list[list[Any]],
    marks: list[np.ndarray],
    texts: dict[int, str],
    fingerprint: str,
    seed: int,
    test_fraction: float | None,
) -> Data:
    """Makes Data of encoded images, (training, test) or (all, none), and the classes' names."""
    note, everything = "", np.concatenate(marks)
    if len(everything) and everything.min() == 1:
        # The ImageNet files of TensorFlow-Slim keep 0 for the background, of which there is none.
        marks, note = [part - 1 for part in marks], "; labels start from 1 in the files"
        texts = {label - 1: text for label, text in texts.items()}
    highest = max(int(part.max()) for part in marks if len(part))
    names = [texts.get(label, "") for label in range(highest + 1)]
    complete = all(names) and len(set(names)) == len(names)
    class_names = names_of_classes(names if complete else None, marks, None)
    if len(marks[1]):
        sentence = OWN_SPLIT.format(*map(len, marks))
    else:
        kept, taken, sentence = held_out(marks[0], test_fraction, seed)
        images = [[images[0][index] for index in part] for part in (kept, taken)]
        marks = [marks[0][part] for part in (kept, taken)]
    headers = [read_header(image) for part in images for image in part]
    sizes = {(header.height, header.width) for header in headers}
    height, width = sizes.pop() if len(sizes) == 1 else (None, None)
    return check_classes(
        Data(
            name=name,
            train=Split(tuple(images[0]), marks[0]),
            test=Split(tuple(images[1]), marks[1]),
            class_names=class_names,
            image_shape=(height, width, 1 if all(header.grey for header in headers) else 3),
            fingerprint=fingerprint,
            split=sentence + note,
        )
    )


def _files(source: str, scheme: str) -> list[Path]:
    path = Path(source)
    if path.is_dir():
        found = [one for one in path.iterdir() if one.is_file() and scheme in _plain(one.name)]
    else:
        found = [Path(one) for one in glob.glob(source) if Path(one).is_file()]
    if not found:
        raise DataError(
            f"{source} names no {scheme} file; give a file, a pattern with *, or a folder of files "
            f"with {scheme!r} in their names"
        )
    return sorted(found)


def _plain(name: str) -> str:
    return name.lower().replace("_", "")


def _for_testing(path: Path) -> bool:
    return any(word in path.name.lower() for word in _TEST_WORDS)


def _tfrecords(path: Path) -> Iterator[Sample]:
    position = 0
    with path.open("rb") as stream:
        packed = stream.read(2) == b"\x1f\x8b"
    if packed:
        raise DataError(f"{path} is packed with gzip, which has no order but its own; unpack it")
    try:
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            image, label, text = _example(record, path)
            start = position + _HEADER + record.find(image)
            yield Piece(str(path), start, len(image)), label, text, image
            position += _HEADER + len(record) + _FOOTER
    except tf.errors.DataLossError as error:
        raise DamagedFileError(
            f"{path} is truncated or corrupt behind byte {position:,}; get it again"
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
            f"{path} holds an example with {', '.join(sorted(features)[:8]) or 'nothing'}; needed "
            f"are one encoded image ({' or '.join(IMAGE_KEYS)}) and one whole number "
            f"({' or '.join(LABEL_KEYS)})"
        )
    text: Sequence[bytes] = _first(features, (TEXT_KEY,), "bytes_list")
    return image[0], int(label[0]), text[0].decode("utf-8", "replace") if text else ""


def _first(features: Any, keys: tuple[str, ...], kind: str) -> Sequence[Any]:
    """Returns the values of the first of these features that there is."""
    found = next((features[key] for key in keys if key in features), None)
    return () if found is None else getattr(found, kind).value
