"""Images in a folder per class, with or without train/ and test/ above them."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kerascnn.data.records import Data, Split, check_classes, held_out
from kerascnn.errors import DataError
from kerascnn.images import EXTENSIONS, FILE_LIMIT, ImageHeader, read_header
from kerascnn.lazy import np
from kerascnn.reading import open_regular

if TYPE_CHECKING:
    import numpy

# In the order of preference, where a folder has several.
_TEST_NAMES = ("test", "val", "validation")
_WORKERS = 8


@dataclass(frozen=True)
class _Part:
    """The files of one split; labels index `classes`."""

    paths: tuple[Path, ...]
    labels: numpy.ndarray
    classes: tuple[str, ...]


def load_folder(root: Path, name: str, seed: int, test_fraction: float | None) -> Data:
    """Reads a folder per class; classes are numbered in the order of their names.

    Every file is read once, for the fingerprint and for its header; none is decoded yet.

    Args:
        root: holds a folder per class, or train/ and one of test/, val/ and validation/ that do.
            Names that start with a dot are ignored, and so are files of other extensions.
        name: for `Data.name`.
        seed, test_fraction: for the split, where there is no test folder.

    Raises:
        DataError: the folder is missing or holds no class, a class holds no image, a test class is
            unknown in training, or there is only one class.
        DamagedFileError: a file is no image, by its header; it is named.
    """
    if not root.is_dir():
        reason = "is a file, not a folder" if root.exists() else "does not exist"
        raise DataError(f"{root} {reason}; folder: needs a folder that holds one folder per class")
    parts = _subfolders(root)
    lower = {part.name.lower(): part for part in parts}
    if "train" in lower and set(lower) <= {"train", *_TEST_NAMES}:
        train = _read_part(lower["train"])
        test_folder = next((lower[n] for n in _TEST_NAMES if n in lower), None)
    else:
        train, test_folder = _read_part(root), None
    if test_folder is not None:
        test = _with_classes(_read_part(test_folder), train.classes, test_folder)
        unused = sorted(p.name for p in parts if p not in (lower["train"], test_folder))
        sentence = (
            f"as the folder has it: {len(train.paths):,} samples in {lower['train'].name}/ and "
            f"{len(test.paths):,} in {test_folder.name}/"
        ) + (f"; {unused[0]}/ is not used" if unused else "")
    else:
        kept, taken, sentence = held_out(train.labels, test_fraction, seed)
        train, test = _subset(train, kept), _subset(train, taken)
    headers, fingerprint = _survey(root, train, test)
    sizes = {(header.height, header.width) for header in headers}
    height, width = next(iter(sizes)) if len(sizes) == 1 else (None, None)
    return check_classes(
        Data(
            name=name,
            train=Split(train.paths, train.labels),
            test=Split(test.paths, test.labels),
            class_names=train.classes,
            image_shape=(height, width, 1 if all(header.grey for header in headers) else 3),
            fingerprint=fingerprint,
            split=sentence,
        )
    )


def find_images(folder: str | os.PathLike[str]) -> list[Path]:
    """Lists the image files below a folder by extension, in the order of their names.

    Hidden files and folders are left out, as are the ._ files that macOS adds. Links are followed,
    but never into a folder that the walk is already in.
    """
    return [path for path in _walk(Path(folder), ()) if path.suffix.lower() in EXTENSIONS]


def _walk(folder: Path, above: tuple[tuple[int, int], ...]) -> Iterator[Path]:
    status = folder.stat()
    here = (status.st_dev, status.st_ino)
    if here in above:
        return
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error.strerror}") from error
    for entry in entries:
        if entry.name.startswith(".") or entry.name == "__MACOSX":
            continue
        if entry.is_dir():
            yield from _walk(folder / entry.name, (*above, here))
        else:
            yield folder / entry.name


def _subfolders(folder: Path) -> list[Path]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error.strerror}") from error
    return [
        folder / entry.name
        for entry in entries
        if entry.is_dir() and not entry.name.startswith(".") and entry.name != "__MACOSX"
    ]


def _read_part(folder: Path) -> _Part:
    classes = _subfolders(folder)
    if not classes:
        here = len([path for path in folder.iterdir() if path.suffix.lower() in EXTENSIONS])
        raise DataError(
            f"{folder} holds no folder of a class"
            + (f" ({here} images lie in it directly)" if here else "")
            + "; put the images of each class into a folder of its own"
        )
    paths: list[Path] = []
    labels: list[int] = []
    for label, folder_of_class in enumerate(classes):
        found = find_images(folder_of_class)
        if not found:
            raise DataError(_why_empty(folder_of_class))
        paths += found
        labels += [label] * len(found)
    return _Part(tuple(paths), np.array(labels, np.int64), tuple(c.name for c in classes))


def _why_empty(folder: Path) -> str:
    others = Counter(path.suffix.lower() or "no extension" for path in _walk(folder, ()))
    seen = ", ".join(f"{count} {suffix}" for suffix, count in others.most_common(3))
    return (
        f"{folder} holds no image{f' (only {seen})' if seen else ''}; remove it, or add images "
        f"({', '.join(sorted(EXTENSIONS))})"
    )


def _with_classes(part: _Part, classes: tuple[str, ...], folder: Path) -> _Part:
    unknown = sorted(set(part.classes) - set(classes))
    if unknown:
        raise DataError(
            f"{folder} has the class {unknown[0]!r}, which the training folder lacks; "
            f"known are {', '.join(classes[:10])}{' ...' if len(classes) > 10 else ''}"
        )
    numbers = np.array([classes.index(name) for name in part.classes], np.int64)
    return _Part(part.paths, numbers[part.labels], classes)


def _subset(part: _Part, indices: numpy.ndarray) -> _Part:
    return _Part(tuple(part.paths[i] for i in indices), part.labels[indices], part.classes)


def _survey(root: Path, train: _Part, test: _Part) -> tuple[list[ImageHeader], str]:
    """Reads every file once; the fingerprint covers splits, relative paths and contents."""
    with ThreadPoolExecutor(_WORKERS) as pool:
        seen = list(pool.map(_survey_file, (*train.paths, *test.paths)))
    digest = hashlib.sha256(repr(train.classes).encode())
    for number, path in enumerate((*train.paths, *test.paths)):
        split = "train" if number < len(train.paths) else "test"
        line = f"{split}\0{path.relative_to(root).as_posix()}\0{seen[number][1]}\0"
        digest.update(line.encode(errors="surrogateescape"))
    return [header for header, _ in seen], digest.hexdigest()


def _survey_file(path: Path) -> tuple[ImageHeader, str]:
    with open_regular(path, limit=FILE_LIMIT) as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return read_header(path), digest
