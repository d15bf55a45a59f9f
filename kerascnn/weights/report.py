"""What a load did, to the tensor."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from kerascnn.errors import MismatchError

SHOWN = 20


@dataclass(frozen=True)
class Adaptation:
    """A tensor that was changed to fit: its shape in the file, here, and what was done."""

    name: str
    before: tuple[int, ...]
    after: tuple[int, ...]
    how: str


@dataclass(frozen=True)
class LoadReport:
    """What came of `load_weights`.

    Args:
        source: the file.
        layout: whose names it has: "kerascnn", "torchvision", "timm", "keras", "order" …
        container: its format.
        sha256: of the file.
        loaded: our variables that took a tensor as it is, but for the order of its axes.
        adapted: those whose tensor was changed to fit.
        skipped: those left alone on purpose: a head for other classes.
        missing: those that the file has not.
        unexpected: tensors of the file that no variable takes.
        ignored: tensors of the file that belong to a head which the model does not have.
        fraction: part of the model's values that were loaded, 0 to 1.
    """

    source: str
    layout: str
    container: str
    sha256: str
    loaded: tuple[str, ...]
    adapted: tuple[Adaptation, ...]
    skipped: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    ignored: tuple[str, ...]
    fraction: float

    def to_json(self) -> dict[str, Any]:
        """Returns the report as plain lists, dicts and numbers."""
        return asdict(self)

    def __str__(self) -> str:
        lines = [
            f"{self.source}: {self.layout} layout ({self.container}), sha256 {self.sha256[:16]}",
            f"{self.fraction:.2%} of the model's values, {len(self.loaded)} tensors as they are",
        ]
        for one in self.adapted[:SHOWN]:
            lines.append(f"  adapted     {one.name}  {one.before} -> {one.after}: {one.how}")
        for title, found in (
            ("skipped", self.skipped),
            ("missing", self.missing),
            ("unexpected", self.unexpected),
            ("ignored", self.ignored),
        ):
            lines += [f"  {title:<11} {name}" for name in found[:SHOWN]]
            if len(found) > SHOWN:
                lines.append(f"  {title:<11} … and {len(found) - SHOWN} more")
        return "\n".join(lines)


class LoadError(MismatchError):
    """The file does not fit; nothing was loaded. `report` lists everything that differs."""

    def __init__(self, message: str, report: LoadReport | None = None) -> None:
        super().__init__(message)
        self.report = report
