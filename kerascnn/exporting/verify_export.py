"""Verifies an export: that no byte has changed, and that its outputs are still those of Keras."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerascnn.errors import DamagedFileError, MismatchError
from kerascnn.exporting.common.equivalence import (
    Limits,
    Reference,
    compare,
    limits_of,
    random_batches,
    raw_batches,
    raw_limits,
)
from kerascnn.exporting.common.metadata import MANIFEST, digest_of
from kerascnn.exporting.formats import FORMATS, PROOF, REPORT, Format
from kerascnn.fileio.atomic import sha256_file
from kerascnn.imaging.preprocessing import Preprocessing
from kerascnn.lazy import np


@dataclass(frozen=True)
class Verification:
    """The result for one artifact.

    Args:
        format: a name of `FORMATS`.
        difference: largest difference from Keras's stored outputs; None when it was not run.
        top1_agreement: share of images with the same top class, 0 to 1; None when it was not run.
        note: why it was not run, or "".
    """

    format: str
    difference: float | None
    top1_agreement: float | None
    note: str = ""

    def __str__(self) -> str:
        if self.difference is None:
            return f"{self.format:<15}  no byte has changed; not run: {self.note}"
        return (
            f"{self.format:<15}  no byte has changed; largest difference "
            f"{self.difference:.1e}, top-1 agreement {self.top1_agreement:.0%}"
        )


def verify(directory: str | os.PathLike[str], *, trust: bool = False) -> list[Verification]:
    """Checks every file of an export against its manifest, and runs the artifacts again.

    Their outputs for 12 random images, drawn as at export, are compared with the stored outputs of
    Keras. The manifest lies beside the files: it reveals damage, but not a forgery.

    Args:
        directory: written by `export`.
        trust: run the SavedModel too, which is a program that may read and write files.

    Returns:
        One entry for each artifact.

    Raises:
        DamagedFileError: a file is missing, has changed or was added, or an artifact cannot be
            read.
        MismatchError: the outputs of an artifact differ from those of Keras.
    """
    directory = Path(directory)
    check_manifest(directory)
    try:
        reports = json.loads((directory / REPORT).read_text("utf-8"))
        with np.load(directory / PROOF, allow_pickle=False) as stored:
            outputs = {key: stored[key] for key in stored.files}
        verifications = []
        for report in reports:
            entry = FORMATS[report["format"]]
            if entry.is_program and not trust:
                note = "a SavedModel is a program; --trust runs it"
                verifications.append(Verification(report["format"], None, None, note))
                continue
            verifications.append(_run(directory / entry.file, entry, report, outputs))
    except (OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, MismatchError | DamagedFileError):
            raise
        raise DamagedFileError(
            f"{directory} cannot be read as an export ({str(error)[:150]}); export again"
        ) from error
    return verifications


def check_manifest(directory: Path) -> None:
    """Compares every file below a directory with manifest.json.

    Raises:
        DamagedFileError: some files differ; the message names them.
    """
    try:
        listed = json.loads((directory / MANIFEST).read_text("utf-8"))["files"]
        expected = {name: (entry["bytes"], entry["sha256"]) for name, entry in listed.items()}
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
    faults = [f"{name} is missing" for name in sorted(set(expected) - set(present))]
    faults += [f"{name} was added" for name in sorted(set(present) - set(expected))]
    for name in sorted(set(expected) & set(present)):
        path, (size, digest) = present[name], expected[name]
        # Reading a pipe or a device might never end.
        regular = path.is_file() and not path.is_symlink()
        if not regular or path.stat().st_size != size:
            faults.append(f"{name} has another size")
        elif sha256_file(path) != digest:
            faults.append(f"{name} has changed")
    if faults:
        more = f" and {len(faults) - 3} more" if len(faults) > 3 else ""
        raise DamagedFileError(
            f"{directory} has changed since it was exported: {'; '.join(faults[:3])[:250]}{more}; "
            "export again"
        )


def _run(
    path: Path, entry: Format, report: dict[str, Any], outputs: dict[str, Any]
) -> Verification:
    """Runs one artifact and compares it with the stored outputs of Keras."""
    name = report["format"]
    metadata = entry.read_metadata(path)
    stored = metadata["preprocessing"]
    preprocessing = None if stored is None else Preprocessing.from_json(stored)
    height, width, channels = metadata["input"]["model_shape"]
    if metadata["input"].get("preprocessed") is False:
        assert preprocessing is not None  # the artifact applies it
        kind, limits = "raw", raw_limits(report["asked_tolerance"])
        batches = raw_batches((height, width, channels), preprocessing)
    else:
        kind, limits = "inputs", limits_of(entry.precision, report["asked_tolerance"])
        dtype = metadata["input"]["dtype"]
        batches = random_batches((height, width, channels), dtype, preprocessing)
        if limits.tolerance is None and report["real"]:
            limits = Limits(None, 0.0)  # the real images that it was judged by are not stored
    if digest_of(batches) != str(outputs[f"{kind}_digest"]):
        note = "this version of NumPy draws other images than the version that exported"
        return Verification(name, None, None, note)
    expected = tuple(outputs[f"{kind}_{index}"] for index in range(len(batches)))
    reference = Reference(0, tuple(batches), expected, None)
    comparison = compare(name, entry.open_artifact(path), reference, limits)
    return Verification(name, comparison.difference, comparison.top1_agreement)
