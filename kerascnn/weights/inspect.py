"""`inspect` describes a file of weights without running its code; `verify` checks its digests."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from kerascnn.errors import DamagedFileError, DataError, KerasCNNError, UnsafeFileError
from kerascnn.fileio.untrusted import named, open_regular, quoted
from kerascnn.imaging.preprocessing import Preprocessing
from kerascnn.published import catalogue
from kerascnn.weights import file_metadata
from kerascnn.weights.buffers import is_finite
from kerascnn.weights.download.digests import Digest, digest_beside, digest_file
from kerascnn.weights.fit import FLOATS
from kerascnn.weights.formats.byte_range import as_floats, volume
from kerascnn.weights.formats.checkpoint import Checkpoint, naming, open_checkpoint
from kerascnn.weights.formats.tf_checkpoint import index_file
from kerascnn.weights.identify import Candidate, equals, fitting_text, identify
from kerascnn.weights.keras_model import refusal

SAFE, REFUSED, UNCHECKED = "safe", "refused", "could not check"
SHOWN = 8
"""Tables, and things that are not read, which a printed summary lists."""
FREE_BYTES = 2**16
"""Tensors that take at most this many stored bytes count as this large when they expand."""


@dataclass(frozen=True)
class Tensor:
    """A tensor as the file declares it: its name, shape and type, and its bytes in the file."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    bytes: int


@dataclass(frozen=True)
class Inspection:
    """The result of `inspect`.

    Args:
        path: the file.
        size: its number of bytes, those of a checkpoint's further files included.
        sha256: its SHA-256, hexadecimal; of a checkpoint of TensorFlow, that of its index.
        verdict: "safe": loading the file can only set numbers; "refused": `load_weights` raises an
            error; "could not check": the check itself failed.
        reason: the reason for the verdict.
        container: the file format.
        tensors: its tensors, in the file's order; their values were not read.
        row: the architecture that a file of `save_weights` records; otherwise None.
        arguments: the builder's arguments that such a file records; otherwise None.
        candidates: rows of the registry whose tensors agree with the file's, the best first.
        published: tags of the published checkpoints with the same digest.
        preprocessing: that such a file records; otherwise None.
        tables: the paths of all tables of tensors, if the file has several; `tensors` are those of
            the first.
        unread: what else the file holds and no load reads.
    """

    path: str
    size: int
    sha256: str
    verdict: str
    reason: str
    container: str = ""
    tensors: tuple[Tensor, ...] = ()
    row: str | None = None
    arguments: Mapping[str, Any] | None = None
    candidates: tuple[Candidate, ...] = ()
    published: tuple[str, ...] = ()
    preprocessing: Preprocessing | None = None
    tables: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Returns the result as dictionaries, lists, texts and numbers."""
        return asdict(self)

    def summary(self) -> list[tuple[str, str]]:
        """Returns the lines of a printed summary, each with a title and a text."""
        lines = [("size", f"{self.size:,} bytes"), ("sha256", self.sha256)]
        if self.tensors:
            types = Counter(tensor.dtype for tensor in self.tensors)
            values = sum(volume(tensor.shape) for tensor in self.tensors)
            lines += [
                ("published", ", ".join(self.published) or "not known to be"),
                ("format", self.container),
                ("tensors", f"{len(self.tensors):,} of {values:,} values"),
                ("types", ", ".join(f"{count:,} {dtype}" for dtype, count in types.items())),
                ("written for", self.row or "not recorded"),
                ("fits", fitting_text(self.candidates)),
                ("images", _images_text(self.candidates, self.preprocessing)),
            ]
        if self.tables:
            lines.append(("tables", ", ".join(quoted(path) for path in self.tables[:SHOWN])))
        if self.unread:
            lines.append(("not read", ", ".join(quoted(name) for name in self.unread[:SHOWN])))
        return [*lines, ("verdict", f"{self.verdict}: {self.reason}")]


def inspect(path: str | os.PathLike[str]) -> tuple[Inspection, KerasCNNError | None]:
    """Returns a description of a file, and the error that loading it would raise or None.

    Args:
        path: any file.

    Raises:
        DataError: there is no such file, or it is a directory, a pipe or a device.
    """
    path = index_file(path) or Path(path)
    with open_regular(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()

    inspection = Inspection(str(path), size, sha256, SAFE, "")
    try:
        with open_checkpoint(path) as checkpoint:
            inspection = _with_contents(inspection, checkpoint)
    except (UnsafeFileError, DamagedFileError) as error:
        return replace(inspection, verdict=REFUSED, reason=str(error)), error
    except (Exception, MemoryError) as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"
        unchecked = replace(inspection, verdict=UNCHECKED, reason=reason)
        return unchecked, KerasCNNError(f"{named(path)} {UNCHECKED}: {reason}")
    reason = "it holds tensors and texts; their values were not read, `verify` reads them"
    if path.suffix.lower() == ".keras":
        refused = refusal(path)
        reason += "; its network has only listed classes, and is built if it has these tensors"
        if refused is not None:
            reason = f"load_weights only sets numbers; predict and evaluate refuse it: {refused}"
    return replace(inspection, reason=reason, published=_published_tags(path, sha256)), None


def _with_contents(inspection: Inspection, checkpoint: Checkpoint) -> Inspection:
    """Returns the inspection with the contents of the open file."""
    with naming(checkpoint.path):
        record = file_metadata.opened(checkpoint.metadata)
    contents = checkpoint.contents
    others = [path for path in contents.tables if path != contents.table]
    return replace(
        inspection,
        tables=(contents.table, *others) if others else (),
        unread=contents.unread,
        size=checkpoint.size,
        container=checkpoint.contents.kind,
        tensors=tuple(
            Tensor(name, stored.shape, stored.dtype, stored.stored_bytes)
            for name, stored in checkpoint.tensors.items()
        ),
        row=record.get("row"),
        arguments=record.get("arguments"),
        candidates=tuple(identify(checkpoint, record)),
        preprocessing=Preprocessing.from_json(record["preprocessing"])
        if "preprocessing" in record
        else None,
    )


def _images_text(candidates: Sequence[Candidate], recorded: Preprocessing | None) -> str:
    """Returns a description of the preprocessing that the weights need."""
    if recorded is not None:
        return f"{recorded.text} (recorded)"
    equal = equals(candidates)
    known = [candidate.preprocessing for candidate in equal if candidate.preprocessing is not None]
    if not known or len({preprocessing.text for preprocessing in known}) > 1:
        return "nothing tells how images are prepared for these weights"
    return f"{known[0].text} (as the published weights of {equal[0].row})"


def _published_tags(path: Path, sha256: str) -> tuple[str, ...]:
    """Returns the tags of the published checkpoints with the file's digest."""
    return tuple(
        record.tag
        for record in catalogue.checkpoints()
        if (record.sha256 and sha256.startswith(record.sha256))
        or (record.md5 and record.file == path.name and not Digest(md5=record.md5).fault(path))
    )


@dataclass(frozen=True)
class Verification:
    """The result of `verify`.

    Args:
        path: the file.
        sha256: its SHA-256, hexadecimal.
        against: the digests that agree with the file, described in one text each.
        tensors: the number of its tensors.
        values: the number of values of all tensors; each is finite.
    """

    path: str
    sha256: str
    against: tuple[str, ...]
    tensors: int
    values: int

    def to_json(self) -> dict[str, Any]:
        """Returns the result as dictionaries, lists, texts and numbers."""
        return asdict(self)


def verify(path: str | os.PathLike[str], agreeing: Sequence[str] = ()) -> Verification:
    """Reads all of a file of weights and compares it with every known digest.

    Known digests are those that `save_weights` writes into a file, the one of FILE.sha256 in the
    same folder, and those of published checkpoints whose file has the same name.

    Args:
        path: a file of weights.
        agreeing: descriptions of what was already found to agree with the file.

    Raises:
        DamagedFileError: a digest differs, a value is not finite, or the file is corrupt.
        UnsafeFileError: the file contains code, links or claims of absurd size.
        DataError: there is no such file, or no digest of it is known.
    """
    path = index_file(path) or Path(path)
    with open_regular(path):  # raises the usual error if the file is missing
        against = [*_agreeing(path), *agreeing]
    with open_checkpoint(path) as checkpoint:
        with naming(checkpoint.path):
            digests = file_metadata.opened(checkpoint.metadata).get(file_metadata.DIGESTS, {})
            values = _read_all(checkpoint, _digests_by_key(checkpoint, digests))
        sha256 = checkpoint.sha256()
        checkpoint.check_unchanged()
        if digests:
            against.append(f"the SHA-256 of each of {len(digests)} tensors in it")
        count = len(checkpoint.tensors)
    if not against:
        raise DataError(
            f"{named(path)}: no digest, not verified; its {count} tensors are readable and finite, "
            f"its SHA-256 is {sha256}; compare it with the publisher's, or store the publisher's "
            f"in the same folder as {digest_file(path).name}"
        )
    return Verification(str(path), sha256, tuple(against), count, values)


def _agreeing(path: Path) -> list[str]:
    """Returns descriptions of the digests outside of the file, after checking that they agree."""
    known = [(f"that of {digest_file(path).name} beside it", digest_beside(path))]
    known += [
        (f"what is published of {record.tag}", Digest(record.sha256, record.md5))
        for record in catalogue.checkpoints()
        if record.file == path.name
    ]
    agreeing = []
    for description, digest in known:
        fault = digest.fault(path)
        if fault:
            raise DamagedFileError(
                f"{named(path)}: {fault}, which is {description}; fetch it again"
            )
        if digest:
            agreeing.append(f"the {'SHA-256' if digest.sha256 else 'MD5'}, {description}")
    return agreeing


def _digests_by_key(checkpoint: Checkpoint, digests: Mapping[str, str]) -> dict[str, str]:
    """Returns the digests by the file's tensor names; .weights.h5 numbers a layer's variables."""
    counts: Counter[str] = Counter()
    digests_by_key = {}
    for name, digest in digests.items():
        layer = name.rpartition("/")[0]
        numbered = f"{layer}/{counts[layer]}"
        counts[layer] += 1
        key = next((key for key in (name, numbered) if key in checkpoint.tensors), None)
        if key is None:
            raise DamagedFileError(f"its tensor {quoted(name)} is missing")
        digests_by_key[key] = digest
    return digests_by_key


def _read_all(checkpoint: Checkpoint, digests: Mapping[str, str]) -> int:
    """Reads and checks every tensor, one at a time, and returns the number of values."""
    values = 0
    for name, stored in checkpoint.tensors.items():
        stored.check_expansion(name, FREE_BYTES)
        raw = checkpoint.raw(name)
        if name in digests and file_metadata.tensor_digest(raw) != digests[name]:
            raise DamagedFileError(f"its tensor {quoted(name)} has changed since it was written")
        if stored.dtype in FLOATS and not is_finite(as_floats(raw, stored.dtype)):
            raise DamagedFileError(f"its tensor {quoted(name)} has a value that is not finite")
        values += stored.size
    return values
