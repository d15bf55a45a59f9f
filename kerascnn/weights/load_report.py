"""The report of a load: what happened to every tensor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from kerascnn.errors import MismatchError
from kerascnn.fileio.untrusted import quoted

if TYPE_CHECKING:
    import keras

SHOWN = 20
"""Tensors per kind that a printed report lists."""
MESSAGE_LIMIT = 400
"""Characters of an error message."""


@dataclass(frozen=True)
class Adaptation:
    """A tensor that was converted to fit a variable.

    Args:
        name: the variable, "layer/variable".
        before: the tensor's shape in the file.
        after: the variable's shape.
        how: a description of the conversion.
    """

    name: str
    before: tuple[int, ...]
    after: tuple[int, ...]
    how: str


@dataclass(frozen=True)
class Mismatch:
    """A tensor that does not fit its variable.

    Args:
        name: the variable, "layer/variable".
        found: the tensor's shape in the file.
        wanted: the variable's shape.
        why: the reason, for messages.
    """

    name: str
    found: tuple[int, ...]
    wanted: tuple[int, ...]
    why: str

    def __str__(self) -> str:
        return f"{quoted(self.name)} {self.why}"


@dataclass(frozen=True)
class LoadReport:
    """The result of `load_weights`.

    Args:
        source: path of the file.
        network: which network the file's tensors are of, as far as is known.
        warnings: what is not known of the file, one sentence each; a printed report begins with
            them.
        prefix: what stands before the network's names in the file.
        table: the path of the table in the file that was taken; empty if there is only one.
        other_tables: the paths of the other tables that hold this network.
        unread: what else the file holds and was left out: tensors of a type that is not read, and
            classes of objects of a training script.
        columns: the columns that `create_model(..., weights=path)` set as the file's network has
            them.
        preprocessing: where the preprocessing of the weights is known from: "the file's record", or
            the tag of published weights; "" if nothing tells it.
        layout: the library whose names the tensors have: "kerascnn", "torchvision", "timm",
            "keras", …; "order" if the names were not used.
        container: the file format.
        digest: waits for the file's SHA-256 and returns it; None when nothing was loaded.
        verified: whether the file has a correct SHA-256 for every loaded tensor.
        loaded: variables whose tensor was loaded without changes, except to the order of its axes.
        adapted: variables whose tensor was converted to fit.
        skipped: variables that were not loaded on purpose: those of a head for other classes.
        missing: variables that have no tensor in the file.
        unexpected: tensors of the file that have no variable.
        ignored: tensors of the file that have no variable and need none: those of a head that the
            model does not have, and those of a layer that scales pixels (preprocessing here).
        mismatched: variables whose tensor in the file does not fit.
        fraction: fraction of the model's values that were loaded, from 0 to 1.
    """

    source: str
    network: str
    warnings: tuple[str, ...]
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
    prefix: str = ""
    table: str = ""
    other_tables: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    columns: Mapping[str, Any] = field(default_factory=dict)
    preprocessing: str = ""

    @property
    def sha256(self) -> str:
        """The file's SHA-256, 64 hexadecimal digits; empty when nothing was loaded.

        Another thread computes it; reading this property waits for the result.

        Raises:
            DamagedFileError: the file has changed since it was loaded.
        """
        return "" if self.digest is None else self.digest()

    def to_json(self) -> dict[str, Any]:
        """Returns the report as dictionaries, lists, texts and numbers."""
        values = asdict(replace(self, digest=None))
        values["digest"] = self.sha256
        return {"sha256" if key == "digest" else key: value for key, value in values.items()}

    def __str__(self) -> str:
        digests = "every tensor's digest is correct" if self.verified else "no digests to verify"
        lines = [
            *(f"warning: {warning}" for warning in self.warnings),
            f"{self.source}: {self.layout} layout ({self.container}), {digests}",
            f"sha256 {self.sha256}",
            f"of {self.network}",
            *([f"names without {quoted(self.prefix)}"] if self.prefix else []),
            *([f"table {quoted(self.table)}"] if self.table else []),
            *([f"also in the file: {_quoted(self.other_tables)}"] if self.other_tables else []),
            *([f"not read: {_quoted(self.unread)}"] if self.unread else []),
            *([f"the model was built with {_text(self.columns)} for it"] if self.columns else []),
            *([f"images are prepared as {self.preprocessing} says"] if self.preprocessing else []),
            f"{self.fraction:.2%} of the model's values, {len(self.loaded)} tensors unchanged",
        ]
        for title, names in (
            ("adapted", [f"{a.name}  {a.before} -> {a.after}: {a.how}" for a in self.adapted]),
            ("skipped", self.skipped),
            ("missing", self.missing),
            ("unexpected", [quoted(name) for name in self.unexpected]),
            ("ignored", [quoted(name) for name in self.ignored]),
            ("mismatched", [str(mismatch) for mismatch in self.mismatched]),
        ):
            lines += [f"  {title:<11} {name}" for name in names[:SHOWN]]
            if len(names) > SHOWN:
                lines.append(f"  {title:<11} … and {len(names) - SHOWN} more")
        return "\n".join(lines)


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(quoted(name) for name in names[:SHOWN])


def _text(columns: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in columns.items())


def load_report(model: keras.Model) -> LoadReport | None:
    """Returns the report of the last weights that were loaded into a model.

    This includes weights that `create_model(..., weights=...)` has loaded.

    Args:
        model: any Keras model.

    Returns:
        The report. None when no file of weights was loaded, and for a model that `keras` has saved
        and loaded as a whole.
    """
    report = getattr(model, "kerascnn_load_report", None)
    return report if isinstance(report, LoadReport) else None


class LoadError(MismatchError):
    """The file does not fit the model; nothing was loaded. `report` lists every difference."""

    def __init__(self, message: str, report: LoadReport | None = None) -> None:
        super().__init__(message)
        self.report = report
