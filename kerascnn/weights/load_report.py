"""What a load did, to the tensor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from kerascnn.errors import MismatchError
from kerascnn.fileio.untrusted import quoted

if TYPE_CHECKING:
    import keras

SHOWN = 20
MESSAGE_LIMIT = 400


@dataclass(frozen=True)
class Adaptation:
    """A tensor that was changed to fit: its shape in the file, here, and what was done."""

    name: str
    before: tuple[int, ...]
    after: tuple[int, ...]
    how: str


@dataclass(frozen=True)
class Mismatch:
    """A tensor that does not fit: its shape in the file, the shape here, and why."""

    name: str
    found: tuple[int, ...]
    wanted: tuple[int, ...]
    why: str

    def __str__(self) -> str:
        return f"{quoted(self.name)} {self.why}"


@dataclass(frozen=True)
class LoadReport:
    """What came of `load_weights`.

    Args:
        source: the file.
        layout: whose names it has: "kerascnn", "torchvision", "timm", "keras", "order" …
        container: its format.
        digest: waits for the file's SHA-256; None when nothing was loaded.
        verified: whether every loaded tensor had a SHA-256 in the file, and that was right.
        loaded: our variables that took a tensor as it is, but for the order of its axes.
        adapted: those whose tensor was changed to fit.
        skipped: those left out on purpose: a head for other classes.
        missing: those that the file has not.
        unexpected: tensors of the file that no variable takes.
        ignored: tensors of the file that belong to a head which the model does not have, or that
            scale pixels, which is preprocessing here.
        mismatched: those whose tensor in the file does not fit.
        fraction: part of the model's values that were loaded, 0 to 1.
    """

    source: str
    layout: str
    container: str
    digest: Callable[[], str] | None = field(repr=False, compare=False)
    verified: bool
    loaded: tuple[str, ...]
    adapted: tuple[Adaptation, ...]
    skipped: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    ignored: tuple[str, ...]
    mismatched: tuple[Mismatch, ...]
    fraction: float

    @property
    def sha256(self) -> str:
        """Of the file, 64 hexadecimal digits; empty when nothing was loaded.

        It is worked out in another thread, and waited for when it is asked for.

        Raises:
            DamagedFileError: the file was written to after it was loaded.
        """
        return "" if self.digest is None else self.digest()

    def to_json(self) -> dict[str, Any]:
        """Returns the report as plain lists, dicts and numbers."""
        made = asdict(replace(self, digest=None))
        made["digest"] = self.sha256
        return {"sha256" if key == "digest" else key: value for key, value in made.items()}

    def __str__(self) -> str:
        digests = "each tensor's digest is right" if self.verified else "no digests to verify"
        lines = [
            f"{self.source}: {self.layout} layout ({self.container}), {digests}",
            f"sha256 {self.sha256}",
            f"{self.fraction:.2%} of the model's values, {len(self.loaded)} tensors as they are",
        ]
        for title, found in (
            ("adapted", [f"{a.name}  {a.before} -> {a.after}: {a.how}" for a in self.adapted]),
            ("skipped", self.skipped),
            ("missing", self.missing),
            ("unexpected", [quoted(name) for name in self.unexpected]),
            ("ignored", [quoted(name) for name in self.ignored]),
            ("mismatched", [str(one) for one in self.mismatched]),
        ):
            lines += [f"  {title:<11} {name}" for name in found[:SHOWN]]
            if len(found) > SHOWN:
                lines.append(f"  {title:<11} … and {len(found) - SHOWN} more")
        return "\n".join(lines)


def load_report(model: keras.Model) -> LoadReport | None:
    """Returns what came of the last weights that a model took, from a file or a tag.

    So that `create_model(..., weights=...)` can be asked as well.

    Args:
        model: of any kind.

    Returns:
        The report; None when no file of weights was loaded, also after the model was saved whole
        and loaded again.
    """
    found = getattr(model, "kerascnn_load_report", None)
    return found if isinstance(found, LoadReport) else None


class LoadError(MismatchError):
    """The file does not fit; nothing was loaded. `report` lists everything that differs."""

    def __init__(self, message: str, report: LoadReport | None = None) -> None:
        super().__init__(message)
        self.report = report
