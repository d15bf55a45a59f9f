"""What is wrong with the images of a data set, found before the first epoch."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kerascnn.data.sources.image_check import look_at_all, refuse_bad
from kerascnn.errors import DataError, KerasCNNError
from kerascnn.imaging.decode import EXTENSIONS, load_picture

IMBALANCE = 100
"""A class with so many times fewer images than another is told."""
SMALLEST = 8
"""Pixels a side below which an image is told."""


@dataclass
class DataReport:
    """What `check_data` found.

    Attributes:
        name: of the source.
        images: files, or images of arrays.
        classes: images of each class, over all parts.
        bad: (path, reason) of each image that cannot be read.
        empty: folders of a class without an image.
        ignored: files by extension that are no images.
        hidden: folders and files left out for their names.
        leaked: groups of the same content in training and test.
        repeated: groups of the same content in one part.
        contradictory: groups of the same content in different classes.
        small: images of less than `SMALLEST` pixels a side.
        grey, colour: images of each kind.
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
        """Whether there is nothing to tell apart."""
        return sum(count > 0 for count in self.classes.values()) < 2

    def to_json(self) -> dict[str, Any]:
        """Returns all that was found, as JSON types."""
        from dataclasses import asdict

        return {**asdict(self), "one_class": self.one_class, "imbalance": self._imbalance()}

    def _imbalance(self) -> float:
        counts = [count for count in self.classes.values() if count]
        return max(counts) / min(counts) if counts else 1.0

    def warnings(self) -> list[tuple[str, Sequence[Any]]]:
        """Returns what was found, worst first, each with its list."""
        rare = [f"{name} ({count:,})" for name, count in self.classes.items()]
        found: list[tuple[str, Sequence[Any]]] = [
            ("cannot be read", [f"{path}: {reason}" for path, reason in self.bad]),
            ("classes without an image", self.empty),
            ("only one class", rare if self.one_class else []),
            ("the same in training and test", [" = ".join(one) for one in self.leaked]),
            ("the same in two classes", [" = ".join(one) for one in self.contradictory]),
            ("there twice", [" = ".join(one) for one in self.repeated]),
            (
                f"classes that differ more than {IMBALANCE} times in images",
                sorted(rare) if self._imbalance() > IMBALANCE else [],
            ),
            (f"smaller than {SMALLEST} pixels", self.small),
            (
                "files that are no images by their extension",
                [f"{count} {suffix}" for suffix, count in sorted(self.ignored.items())],
            ),
            ("hidden, so left out", self.hidden),
            (
                "both grey and coloured images",
                [f"{self.grey} grey", f"{self.colour} coloured"] if self.grey * self.colour else [],
            ),
        ]
        return [(what, which) for what, which in found if which]

    def lines(self, most: int) -> Iterable[str]:
        """Yields the report for people, with at most so many entries of each list."""
        yield f"{self.name}: {self.images:,} images of {len(self.classes):,} classes"
        for what, which in self.warnings():
            yield f"{len(which):,} {what}:"
            yield from (f"  {entry}" for entry in which[:most])
            if len(which) > most:
                yield f"  and {len(which) - most:,} more"

    def refuse(self, allowed: int) -> None:
        """Raises DataError for what stops a training: empty or single classes, or too many bad."""
        if self.empty:
            raise DataError(f"{self.empty[0]} holds no image; remove it, or add images")
        if self.one_class:
            raise DataError(f"{self.name} has images of one class only; two are needed")
        refuse_bad(self.bad, allowed, self.images)


def check_data(source: Any) -> DataReport:
    """Looks at every image of a data set.

    Args:
        source: "folder:PATH", whose files are all decoded, or anything else that `load_data` takes.

    Raises:
        DataError: the folder is missing or holds no folder of a class.
        UsageError: the source is none that `load_data` knows.
    """
    if isinstance(source, str) and source.startswith("folder:"):
        return _check_folder(source)
    return _check_loaded(source)


def _check_folder(source: str) -> DataReport:
    from kerascnn.data.sources.dataset import given_path
    from kerascnn.data.sources.folder import class_folders, find_files, find_parts

    report = DataReport(source)
    root = given_path(source.partition(":")[2])
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
    alike: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    for (part, label, path), seen in zip(
        entries, look_at_all(path for _, _, path in entries), strict=True
    ):
        name = str(path.relative_to(root))
        if seen.fault:
            report.bad.append((name, seen.fault))
            continue
        alike[seen.digest].append((part, label, name))
        report.grey, report.colour = report.grey + seen.grey, report.colour + (not seen.grey)
        if min(seen.height, seen.width) < SMALLEST:
            report.small.append(name)
    _sort_alike(report, alike)
    return report


def _sort_alike(report: DataReport, alike: dict[str, list[tuple[str, str, str]]]) -> None:
    for group in alike.values():
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
    from kerascnn.data.load import load_data
    from kerascnn.lazy import np

    data = load_data(source)
    report = DataReport(data.name, classes=dict.fromkeys(data.class_names, 0))
    alike: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
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
            alike[digest].append((part, data.class_names[int(label)], f"{part}[{index}]"))
    report.empty = [name for name, count in report.classes.items() if not count]
    _sort_alike(report, alike)
    return report
