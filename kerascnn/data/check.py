"""Checks the images of a data set: which are unreadable, duplicate, small or in two classes."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from kerascnn.data.load import load_data
from kerascnn.data.sources.dataset import user_path
from kerascnn.data.sources.folder import class_folders, find_files, find_parts
from kerascnn.data.sources.image_check import check_images, refuse_bad
from kerascnn.errors import DataError, KerasCNNError
from kerascnn.imaging.decode import EXTENSIONS, load_picture
from kerascnn.lazy import np

IMBALANCE = 100
"""Classes are reported if one has so many times more images than another."""
SMALLEST = 8
"""Images with a side of fewer pixels are reported."""


_Image = tuple[str, str, str]
"""An image's split, class, and name in the report."""


@dataclass
class DataReport:
    """The result of `check_data`.

    Attributes:
        name: of the source.
        images: number of images, files or elements of arrays.
        classes: number of images of each class, in training and test together.
        bad: (path, reason) of each image that cannot be read.
        empty: folders of classes that hold no image.
        ignored: number of files that are no images, by extension.
        hidden: files and folders that are left out because of their names.
        leaked: groups of images with the same content in both training and test.
        repeated: groups of images with the same content in one class of one split.
        contradictory: groups of images with the same content in different classes.
        small: images with a side of less than `SMALLEST` pixels.
        grey, colour: number of grey and of colour images.
    """

    name: str
    images: int = 0
    classes: dict[str, int] = field(default_factory=dict)
    bad: list[tuple[str, str]] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    ignored: dict[str, int] = field(default_factory=dict)
    hidden: list[str] = field(default_factory=list)
    leaked: list[list[str]] = field(default_factory=list)
    repeated: list[list[str]] = field(default_factory=list)
    contradictory: list[list[str]] = field(default_factory=list)
    small: list[str] = field(default_factory=list)
    grey: int = 0
    colour: int = 0

    @property
    def one_class(self) -> bool:
        """Whether all images belong to one class."""
        return sum(count > 0 for count in self.classes.values()) < 2

    def to_json(self) -> dict[str, Any]:
        """Returns the report as JSON types."""
        return {**asdict(self), "one_class": self.one_class, "imbalance": self._imbalance()}

    def _imbalance(self) -> float:
        """Returns the number of images of the largest class divided by that of the smallest."""
        counts = [count for count in self.classes.values() if count]
        return max(counts) / min(counts) if counts else 1.0

    def warnings(self) -> list[tuple[str, Sequence[Any]]]:
        """Returns (title, entries) for each kind of problem found, the most serious first."""
        counts = [f"{name} ({count:,})" for name, count in self.classes.items()]
        problems: list[tuple[str, Sequence[Any]]] = [
            ("cannot be read", [f"{path}: {reason}" for path, reason in self.bad]),
            ("classes without an image", self.empty),
            ("only one class", counts if self.one_class else []),
            ("the same in training and test", [" = ".join(group) for group in self.leaked]),
            ("the same in two classes", [" = ".join(group) for group in self.contradictory]),
            ("duplicates", [" = ".join(group) for group in self.repeated]),
            (
                f"classes that differ more than {IMBALANCE} times in their number of images",
                sorted(counts) if self._imbalance() > IMBALANCE else [],
            ),
            (f"smaller than {SMALLEST} pixels", self.small),
            (
                "files that are no images by their extension",
                [f"{count} {suffix}" for suffix, count in sorted(self.ignored.items())],
            ),
            ("hidden files or folders, left out", self.hidden),
            (
                "both grey and coloured images",
                [f"{self.grey} grey", f"{self.colour} coloured"] if self.grey * self.colour else [],
            ),
        ]
        return [(title, entries) for title, entries in problems if entries]

    def lines(self, most: int) -> Iterable[str]:
        """Yields the lines of a readable report, with at most `most` entries of each problem."""
        yield f"{self.name}: {self.images:,} images of {len(self.classes):,} classes"
        for title, entries in self.warnings():
            yield f"{len(entries):,} {title}:"
            yield from (f"  {entry}" for entry in entries[:most])
            if len(entries) > most:
                yield f"  and {len(entries) - most:,} more"

    def refuse(self, allowed: int) -> None:
        """Raises a DataError for a problem that prevents a training.

        These are a class without images, only one class, and more than `allowed` bad images.
        """
        if self.empty:
            raise DataError(f"{self.empty[0]} holds no image; remove it, or add images")
        if self.one_class:
            raise DataError(f"{self.name} has images of one class only; two are needed")
        refuse_bad(self.bad, allowed, self.images)


def check_data(source: Any) -> DataReport:
    """Checks every image of a data set and returns a report.

    Args:
        source: "folder:PATH", whose files are all decoded, or any other source of `load_data`.

    Raises:
        DataError: the folder is missing or holds no folder of a class.
        UsageError: the source is none of those that `load_data` takes.
    """
    if isinstance(source, str) and source.startswith("folder:"):
        return _check_folder(source)
    return _check_loaded(source)


def _check_folder(source: str) -> DataReport:
    report = DataReport(source)
    root = user_path(source.partition(":")[2])
    parts = find_parts(root)
    ignored: Counter[str] = Counter()
    entries: list[tuple[str, str, Path]] = []
    for part, folder in parts.items():
        for class_folder in class_folders(folder):
            paths, hidden = find_files(class_folder)
            report.hidden += [str(path.relative_to(root)) for path in hidden]
            images = [path for path in paths if path.suffix.lower() in EXTENSIONS]
            others = [path for path in paths if path.suffix.lower() not in EXTENSIONS]
            ignored.update(path.suffix.lower() or "without extension" for path in others)
            if not images:
                report.empty.append(str(class_folder))
            known = report.classes.get(class_folder.name, 0)
            report.classes[class_folder.name] = known + len(images)
            entries += [(part, class_folder.name, path) for path in images]
    report.ignored, report.images = dict(ignored), len(entries)
    checks = check_images(path for _, _, path in entries)
    by_digest: dict[str, list[_Image]] = defaultdict(list)
    for (part, label, path), check in zip(entries, checks, strict=True):
        name = str(path.relative_to(root))
        if check.fault:
            report.bad.append((name, check.fault))
            continue
        by_digest[check.digest].append((part, label, name))
        report.grey, report.colour = report.grey + check.grey, report.colour + (not check.grey)
        if min(check.height, check.width) < SMALLEST:
            report.small.append(name)
    _report_duplicates(report, by_digest)
    return report


def _report_duplicates(report: DataReport, by_digest: dict[str, list[_Image]]) -> None:
    """Adds the groups of images with the same content to the report."""
    for group in by_digest.values():
        if len(group) < 2:
            continue
        names = [name for _, _, name in group]
        parts, labels = {part for part, _, _ in group}, {label for _, label, _ in group}
        if len(labels) > 1:
            report.contradictory.append(names)
        if len(parts) > 1:
            report.leaked.append(names)
        elif len(labels) == 1:
            report.repeated.append(names)


def _check_loaded(source: Any) -> DataReport:
    data = load_data(source)
    report = DataReport(data.name, classes=dict.fromkeys(data.class_names, 0))
    by_digest: dict[str, list[_Image]] = defaultdict(list)
    for part, split in (("train", data.train), ("test", data.test)):
        report.images += len(split)
        if split.labels is None:
            continue
        for label, count in enumerate(np.bincount(split.labels, minlength=len(data.class_names))):
            report.classes[data.class_names[label]] += int(count)
        if not hasattr(split.images, "__getitem__"):
            continue
        for index, label in enumerate(split.labels):
            image = split.images[index]
            if isinstance(image, bytes):
                try:
                    load_picture(image)
                except KerasCNNError as error:
                    report.bad.append((f"{part}[{index}]", str(error)))
                    continue
            content = image if isinstance(image, bytes) else np.ascontiguousarray(image).tobytes()
            digest = hashlib.sha256(content).hexdigest()
            by_digest[digest].append((part, data.class_names[int(label)], f"{part}[{index}]"))
    report.empty = [name for name, count in report.classes.items() if not count]
    _report_duplicates(report, by_digest)
    return report
