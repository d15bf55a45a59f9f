"""Loads image files from a folder for each class, with or without train/ and test/ above these."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from kerascnn.data.sources.dataset import Data, Split, check_classes, held_out
from kerascnn.data.sources.image_check import allowed_bad, check_images, refuse_bad
from kerascnn.errors import DataError
from kerascnn.fileio.untrusted import named, open_regular
from kerascnn.imaging.decode import EXTENSIONS, FILE_LIMIT, ImageHeader, read_header
from kerascnn.lazy import np

# In the order of preference, if a folder has several.
_TEST_NAMES = ("test", "val", "validation")
_WORKERS = 8


@dataclass(frozen=True)
class _Part:
    """The files of one split; labels index `classes`."""

    paths: tuple[Path, ...]
    labels: np.ndarray
    classes: tuple[str, ...]


def load_folder(
    root: Path,
    name: str,
    seed: int,
    test_fraction: float | None,
    max_bad: int | str | None = None,
) -> Data:
    """Returns the data set of a folder; classes are numbered in the order of their names.

    Every file is read once, for the fingerprint and for its header. Images are decoded later,
    unless `max_bad` is set.

    Args:
        root: holds a folder for each class, or train/ and one of test/, val/ and validation/ with
            such folders. Names that start with a dot and files with other extensions are ignored.
        name: for `Data.name`.
        seed, test_fraction: for the split, if there is no test folder.
        max_bad: decode every image, and skip up to so many unreadable ones (see `allowed_bad`).

    Raises:
        DataError: more images are unreadable; the folder is missing or holds no class; a class
            holds no image; training lacks a class of the test folder; or there is only one class.
        DamagedFileError: the header of a file is not that of an image.
    """
    folders = find_parts(root)
    train = _read_part(folders.get("train", root))
    test_folder = folders.get("test")
    if test_folder is not None:
        test = _with_classes(_read_part(test_folder), train.classes, test_folder)
        used = (folders["train"], test_folder)
        unused = sorted(path.name for path in _subfolders(root) if path not in used)
        sentence = (
            f"as the folder has it: {len(train.paths):,} samples in {folders['train'].name}/ and "
            f"{len(test.paths):,} in {test_folder.name}/"
        ) + (f"; {unused[0]}/ is not used" if unused else "")
    else:
        train_indices, test_indices, sentence = held_out(train.labels, test_fraction, seed)
        train, test = _subset(train, train_indices), _subset(train, test_indices)
    skipped: tuple[tuple[str, str], ...] = ()
    if max_bad is not None:
        train, test, skipped = _readable(train, test, max_bad)
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
            split=sentence + (f"; {len(skipped):,} bad images skipped" if skipped else ""),
            skipped=skipped,
        )
    )


def find_parts(root: Path) -> dict[str, Path]:
    """Returns the folders that hold the class folders, by split.

    Returns:
        {"train": ..., "test": ...}, {"train": ...} without a test folder, or {"all": root} without
        folders for the splits.

    Raises:
        DataError: `root` is missing or is no folder.
    """
    if not root.is_dir():
        reason = "is a file, not a folder" if root.exists() else "does not exist"
        raise DataError(f"{root} {reason}; folder: needs a folder that holds one folder per class")
    lower = {part.name.lower(): part for part in _subfolders(root)}
    if "train" not in lower or not set(lower) <= {"train", *_TEST_NAMES}:
        return {"all": root}
    test = next((lower[name] for name in _TEST_NAMES if name in lower), None)
    return {"train": lower["train"], **({} if test is None else {"test": test})}


def class_folders(folder: Path) -> list[Path]:
    """Returns the class folders in `folder`, in the order of their names.

    Raises:
        DataError: there is none.
    """
    classes = _subfolders(folder)
    if not classes:
        images = len([path for path in folder.iterdir() if path.suffix.lower() in EXTENSIONS])
        raise DataError(
            f"{folder} holds no folder of a class"
            + (f" ({images} images lie in it directly)" if images else "")
            + "; put the images of each class into a folder of its own"
        )
    return classes


def find_files(folder: Path) -> tuple[list[Path], list[Path]]:
    """Returns all files below a folder, and the hidden files and folders that are left out."""
    hidden: list[Path] = []
    return list(_walk(folder, (), hidden)), hidden


def _readable(
    train: _Part, test: _Part, max_bad: int | str
) -> tuple[_Part, _Part, tuple[tuple[str, str], ...]]:
    """Decodes all images; returns the parts without unreadable images, and (path, fault) of these.

    Raises:
        DataError: more images are unreadable than `max_bad` allows, or all of a training class.
    """
    paths = (*train.paths, *test.paths)
    checks = check_images(paths)
    allowed = allowed_bad(max_bad, len(checks))
    bad = [(path, check.fault) for path, check in zip(paths, checks, strict=True) if check.fault]
    refuse_bad(bad, allowed, len(checks))
    if not bad:
        return train, test, ()
    good = np.array([not check.fault for check in checks])
    parts = []
    for part, is_good in ((train, good[: len(train.paths)]), (test, good[len(train.paths) :])):
        readable = _subset(part, np.flatnonzero(is_good))
        lost = set(part.labels.tolist()) - set(readable.labels.tolist())
        if part is train and lost:
            raise DataError(
                f"no training image of class {part.classes[min(lost)]!r} can be read; "
                f"{named(bad[0][0])} {bad[0][1]}"[:400]
            )
        parts.append(readable)
    return parts[0], parts[1], tuple((str(path), fault) for path, fault in bad)


def find_images(folder: str | os.PathLike[str]) -> list[Path]:
    """Returns the files below a folder that are images by extension, in the order of their names.

    Hidden files and folders are left out, also the ._ files of macOS. Links are followed, except a
    link to a folder that contains the link.
    """
    return [path for path in _walk(Path(folder), ()) if path.suffix.lower() in EXTENSIONS]


def _walk(
    folder: Path, above: tuple[tuple[int, int], ...], hidden: list[Path] | None = None
) -> Iterator[Path]:
    """Yields the files below a folder in the order of their names.

    Args:
        folder: where to start.
        above: device and inode of the folders that contain this one.
        hidden: a list to which the hidden files and folders are appended; None if not needed.
    """
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
            if hidden is not None:
                hidden.append(folder / entry.name)
            continue
        if entry.is_dir():
            yield from _walk(folder / entry.name, (*above, here), hidden)
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
    classes = class_folders(folder)
    paths: list[Path] = []
    labels: list[int] = []
    for label, folder_of_class in enumerate(classes):
        images = find_images(folder_of_class)
        if not images:
            raise DataError(_empty_message(folder_of_class))
        paths += images
        labels += [label] * len(images)
    names = tuple(folder_of_class.name for folder_of_class in classes)
    return _Part(tuple(paths), np.array(labels, np.int64), names)


def _empty_message(folder: Path) -> str:
    suffixes = Counter(path.suffix.lower() or "no extension" for path in _walk(folder, ()))
    others = ", ".join(f"{count} {suffix}" for suffix, count in suffixes.most_common(3))
    return (
        f"{folder} holds no image{f' (only {others})' if others else ''}; remove it, or add images "
        f"({', '.join(sorted(EXTENSIONS))})"
    )


def _with_classes(part: _Part, classes: tuple[str, ...], folder: Path) -> _Part:
    unknown = sorted(set(part.classes) - set(classes))
    if unknown:
        raise DataError(
            f"{folder} has the class {unknown[0]!r}, which the training folder lacks; "
            f"its classes are {', '.join(classes[:10])}{' ...' if len(classes) > 10 else ''}"
        )
    numbers = np.array([classes.index(name) for name in part.classes], np.int64)
    return _Part(part.paths, numbers[part.labels], classes)


def _subset(part: _Part, indices: np.ndarray) -> _Part:
    return _Part(tuple(part.paths[i] for i in indices), part.labels[indices], part.classes)


def _survey(root: Path, train: _Part, test: _Part) -> tuple[list[ImageHeader], str]:
    """Reads every file once; returns the image headers and the fingerprint of the data set.

    The fingerprint depends on the splits, the relative paths and the contents of the files.
    """
    with ThreadPoolExecutor(_WORKERS) as pool:
        surveys = list(pool.map(_survey_file, (*train.paths, *test.paths)))
    digest = hashlib.sha256(repr(train.classes).encode())
    for number, path in enumerate((*train.paths, *test.paths)):
        split = "train" if number < len(train.paths) else "test"
        line = f"{split}\0{path.relative_to(root).as_posix()}\0{surveys[number][1]}\0"
        digest.update(line.encode(errors="surrogateescape"))
    return [header for header, _ in surveys], digest.hexdigest()


def _survey_file(path: Path) -> tuple[ImageHeader, str]:
    """Returns the image header of a file and the SHA-256 of its content."""
    with open_regular(path, limit=FILE_LIMIT) as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return read_header(path), digest
