"""Looking at an export again: that no byte has changed, and that it still answers as Keras did."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerascnn.errors import DamagedFileError, MismatchError
from kerascnn.exporting.common.metadata import MANIFEST, digest_of
from kerascnn.fileio.atomic import sha256_file
from kerascnn.lazy import np

_SAVEDMODEL = "savedmodel"


@dataclass(frozen=True)
class Verification:
    """What was found of one artifact.

    Args:
        format: its name.
        difference: largest difference from Keras's stored answers; None when it was not run.
        top1_agreement: share of images with the same top class; None likewise.
        note: why it was not run, or "".
    """

    format: str
    difference: float | None
    top1_agreement: float | None
    note: str = ""

    def __str__(self) -> str:
        if self.difference is None:
            return f"{self.format:<15}  every byte as written; not run: {self.note}"
        return (
            f"{self.format:<15}  every byte as written; largest difference "
            f"{self.difference:.1e}, top-1 agreement {self.top1_agreement:.0%}"
        )


def verify(directory: str | os.PathLike[str], *, trust: bool = False) -> list[Verification]:
    """Checks every file of an export against its manifest, and runs the artifacts again.

    Their answers to 12 random images, drawn as at export, are compared with those that Keras gave
    then. The manifest lies beside the files: it finds damage, not a forger.

    Args:
        directory: that `export` wrote.
        trust: run the SavedModel too. It is a program that may read and write files.

    Returns:
        One entry for each artifact.

    Raises:
        DamagedFileError: a file is missing, changed or was added, or an artifact cannot be read.
        MismatchError: an artifact answers otherwise than Keras did.
    """
    from kerascnn.exporting.exporter import FORMATS, PROOF, REPORT

    directory = Path(directory)
    check_manifest(directory)
    try:
        reports = json.loads((directory / REPORT).read_text("utf-8"))
        with np.load(directory / PROOF, allow_pickle=False) as stored:
            answers = {key: stored[key] for key in stored.files}
        found = []
        for report in reports:
            form = FORMATS[report["format"]]
            if form.module == _SAVEDMODEL and not trust:
                note = "a SavedModel is a program; --trust runs it"
                found.append(Verification(report["format"], None, None, note))
                continue
            found.append(_run(directory / form.file, form, report, answers))
    except (OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, MismatchError | DamagedFileError):
            raise
        raise DamagedFileError(
            f"{directory} cannot be read as an export ({str(error)[:150]}); export again"
        ) from error
    return found


def check_manifest(directory: Path) -> None:
    """Compares every file below a directory with manifest.json.

    Raises:
        DamagedFileError: naming the files that differ.
    """
    try:
        listed = json.loads((directory / MANIFEST).read_text("utf-8"))["files"]
        wanted = {name: (entry["bytes"], entry["sha256"]) for name, entry in listed.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedFileError(
            f"{directory / MANIFEST} is missing or damaged; {directory} was not written by "
            "`kerascnn export`, or must be exported again"
        ) from error
    present = {
        path.relative_to(directory).as_posix(): path
        for path in directory.rglob("*")
        if not path.is_dir() and path != directory / MANIFEST
    }
    faults = [f"{name} is missing" for name in sorted(set(wanted) - set(present))]
    faults += [f"{name} was added" for name in sorted(set(present) - set(wanted))]
    for name in sorted(set(wanted) & set(present)):
        path = present[name]
        # A pipe or device would never end.
        regular = path.is_file() and not path.is_symlink()
        if not regular or path.stat().st_size != wanted[name][0]:
            faults.append(f"{name} has another size")
        elif sha256_file(path) != wanted[name][1]:
            faults.append(f"{name} has changed")
    if faults:
        more = f" and {len(faults) - 3} more" if len(faults) > 3 else ""
        raise DamagedFileError(
            f"{directory} is not as it was exported: {'; '.join(faults[:3])[:250]}{more}; "
            "export again"
        )


def _run(path: Path, form: Any, report: dict[str, Any], answers: dict[str, Any]) -> Verification:
    from kerascnn.exporting.common import equivalence
    from kerascnn.exporting.exporter import RAW_TOLERANCE

    name = report["format"]
    metadata = _metadata(path, form)
    preprocessing = _preprocessing(metadata)
    height, width, channels = metadata["input"]["model_shape"]
    raw = metadata["input"].get("preprocessed") is False
    if raw:
        assert preprocessing is not None  # the export had one
        batches = equivalence.raw_batches((height, width, channels), preprocessing)
        limits = equivalence.Limits(RAW_TOLERANCE, 0.95)
    else:
        dtype = metadata["input"]["dtype"]
        batches = equivalence.random_batches((height, width, channels), dtype, preprocessing)
        limits = equivalence.limits_of(form.precision, report["asked_tolerance"])
        if limits.tolerance is None and report["real"]:
            limits = equivalence.Limits(
                None, 0.0
            )  # it was judged by real images, which are not kept
    kind = "raw" if raw else "inputs"
    if digest_of(batches) != str(answers[f"{kind}_digest"]):
        note = "this NumPy draws other images than the one of the export"
        return Verification(name, None, None, note)
    wanted = tuple(answers[f"{kind}_{place}"] for place in range(len(batches)))
    questions = equivalence.Questions(0, tuple(batches), wanted, None)
    found = equivalence.compare(name, form.code.open_runtime(path), questions, limits)
    return Verification(name, found.difference, found.top1_agreement)


def _preprocessing(metadata: dict[str, Any]) -> Any:
    from kerascnn.imaging.preprocessing import Preprocessing

    stored = metadata["preprocessing"]
    return None if stored is None else Preprocessing.from_json(stored)


def _metadata(path: Path, form: Any) -> dict[str, Any]:
    return form.code.read_metadata(path)
