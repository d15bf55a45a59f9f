"""What a file of weights is, told without running anything of it: inspect and verify."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kerascnn.errors import DamagedFileError, DataError, KerasCNNError, UnsafeFileError
from kerascnn.fileio.untrusted import named, open_regular, quoted
from kerascnn.lazy import np
from kerascnn.published import catalogue
from kerascnn.weights import file_metadata
from kerascnn.weights.buffers import is_finite
from kerascnn.weights.download.digests import Digest, note_of, noted
from kerascnn.weights.fit import FLOATS, SWELLING
from kerascnn.weights.formats.byte_range import as_floats, volume
from kerascnn.weights.formats.checkpoint import Checkpoint, naming, open_checkpoint
from kerascnn.weights.identify import Candidate, identify

SAFE, REFUSED, UNCHECKED = "safe", "refused", "could not check"


@dataclass(frozen=True)
class Tensor:
    """A tensor as the file declares it."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    bytes: int


@dataclass(frozen=True)
class Inspection:
    """What `inspect` found.

    Args:
        path: the file.
        size: its bytes.
        sha256: of all of them; empty where they could not be read.
        verdict: "safe": loading it can only set numbers; "refused": `load_weights` refuses it;
            "could not check": neither is known.
        reason: for the verdict.
        container: its format.
        tensors: in its order; their values were not read.
        row: what network it says it is of, if it is a file of ours.
        arguments: of that network's builder.
        candidates: rows of the registry that it fits, likeliest first.
        published: tags of the catalogue whose file this is, by its digest.
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

    def to_json(self) -> dict[str, Any]:
        """Returns plain lists, dicts, texts and numbers."""
        return asdict(self)

    def summary(self) -> list[tuple[str, str]]:
        """Returns a title and a text for each line that people read."""
        lines = [("size", f"{self.size:,} bytes"), ("sha256", self.sha256)]
        if self.tensors:
            kinds = Counter(tensor.dtype for tensor in self.tensors)
            values = sum(volume(tensor.shape) for tensor in self.tensors)
            fits = [f"{one.row} {one.fraction:.0%} ({one.source})" for one in self.candidates]
            lines += [
                ("published", ", ".join(self.published) or "not known to be"),
                ("format", self.container),
                ("tensors", f"{len(self.tensors):,} of {values:,} values"),
                ("types", ", ".join(f"{count:,} {kind}" for kind, count in kinds.items())),
                ("written for", self.row or "not said"),
                ("fits", ", ".join(fits) or "no architecture here"),
            ]
        return [*lines, ("verdict", f"{self.verdict}: {self.reason}")]


def inspect(path: str | os.PathLike[str]) -> tuple[Inspection, KerasCNNError | None]:
    """Returns what a file holds, and the error with which it is refused, if it is.

    Args:
        path: any file.

    Raises:
        DataError: there is no such file, or it is a directory, a pipe or a device.
    """
    path = Path(path)
    with open_regular(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()

    def verdict(word: str, reason: str, **found: Any) -> Inspection:
        return Inspection(str(path), size, sha256, word, reason, **found)

    try:
        with open_checkpoint(path) as checkpoint:
            found = _contents(checkpoint)
    except (UnsafeFileError, DamagedFileError) as error:
        return verdict(REFUSED, str(error)), error
    except (Exception, MemoryError) as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"
        return verdict(UNCHECKED, reason), KerasCNNError(f"{named(path)} {UNCHECKED}: {reason}")
    found["published"] = tuple(one.tag for one in _of_catalogue(path, sha256))
    reason = "it holds tensors and texts; their values were not read, `verify` reads them"
    return verdict(SAFE, reason, **found), None


def _contents(checkpoint: Checkpoint) -> dict[str, Any]:
    with naming(checkpoint.path):
        said = file_metadata.opened(checkpoint.metadata)
    return {
        "container": checkpoint.contents.kind,
        "tensors": tuple(
            Tensor(name, stored.shape, stored.dtype, stored.held)
            for name, stored in checkpoint.tensors.items()
        ),
        "row": said.get("row"),
        "arguments": said.get("arguments"),
        "candidates": tuple(identify(checkpoint.tensors)),
    }


def _of_catalogue(path: Path, sha256: str) -> list[catalogue.Published]:
    """Returns the published checkpoints that a file is, told by its digest."""
    return [
        one
        for one in catalogue.checkpoints()
        if (one.sha256 and sha256.startswith(one.sha256))
        or (one.md5 and one.file == path.name and Digest(md5=one.md5).fault(path) is None)
    ]


@dataclass(frozen=True)
class Verification:
    """What `verify` has checked.

    Args:
        path: the file.
        sha256: of all of it.
        against: what it agrees with, one text for each.
        tensors: how many were read.
        values: how many numbers they hold; each is finite.
    """

    path: str
    sha256: str
    against: tuple[str, ...]
    tensors: int
    values: int

    def to_json(self) -> dict[str, Any]:
        """Returns plain lists, dicts, texts and numbers."""
        return asdict(self)


def verify(path: str | os.PathLike[str]) -> Verification:
    """Reads a file of weights whole and compares it with every digest that is known of it.

    Known are: those that `save_weights` writes into a file, one beside it (FILE.sha256), and those
    of the catalogue for a file of its name.

    Raises:
        DamagedFileError: a digest is another, a value is not finite, or the file is corrupt.
        UnsafeFileError: the file asks for more than tensors.
        DataError: there is no such file, or nothing to compare it with.
    """
    path = Path(path)
    with open_regular(path):  # a missing file is told as everywhere
        against = _agreeing(path)
    with open_checkpoint(path) as checkpoint:
        with naming(checkpoint.path):
            digests = file_metadata.opened(checkpoint.metadata).get(file_metadata.DIGESTS, {})
            values = _read_all(checkpoint, _by_key(checkpoint, digests))
        sha256 = checkpoint.sha256()
        checkpoint.unchanged()
        if digests:
            against.append(f"the SHA-256 of each of {len(digests)} tensors in it")
        count = len(checkpoint.tensors)
    if not against:
        raise DataError(
            f"{named(path)}: no digest, not verified; its {count} tensors are readable and finite, "
            f"its SHA-256 is {sha256}; compare it, or lay it beside as {note_of(path).name}"
        )
    return Verification(str(path), sha256, tuple(against), count, values)


def _agreeing(path: Path) -> list[str]:
    """Returns the digests outside of the file that it agrees with."""
    against = []
    known = [(f"that of {note_of(path).name} beside it", noted(path))]
    known += [
        (f"what is published of {one.tag}", Digest(one.sha256, one.md5))
        for one in catalogue.checkpoints()
        if one.file == path.name
    ]
    for what, digest in known:
        fault = digest.fault(path)
        if fault:
            raise DamagedFileError(f"{named(path)}: {fault}, which is {what}; fetch it again")
        if digest:
            against.append(f"the {'SHA-256' if digest.sha256 else 'MD5'}, {what}")
    return against


def _by_key(checkpoint: Checkpoint, digests: Mapping[str, str]) -> dict[str, str]:
    """Returns the digests by the file's names, which in .weights.h5 number a layer's variables."""
    places: Counter[str] = Counter()
    found = {}
    for name, digest in digests.items():
        layer = name.rpartition("/")[0]
        numbered = f"{layer}/{places[layer]}"
        places[layer] += 1
        key = next((one for one in (name, numbered) if one in checkpoint.tensors), None)
        if key is None:
            raise DamagedFileError(f"its tensor {quoted(name)} is missing")
        found[key] = digest
    return found


def _read_all(checkpoint: Checkpoint, digests: Mapping[str, str]) -> int:
    """Reads every tensor, one at a time, and returns how many values they have."""
    values = 0
    for name, stored in checkpoint.tensors.items():
        if stored.nbytes > SWELLING * max(stored.held, 2**16):
            raise UnsafeFileError(
                f"its tensor {quoted(name)} would swell from {stored.held:,} to {stored.nbytes:,} "
                "bytes"
            )
        raw = checkpoint.raw(name)
        if name in digests:
            found = hashlib.sha256(np.ascontiguousarray(raw).data).hexdigest()
            if found != digests[name]:
                raise DamagedFileError(f"its tensor {quoted(name)} is not what was written")
        if stored.dtype in FLOATS and not is_finite(as_floats(raw, stored.dtype)):
            raise DamagedFileError(f"its tensor {quoted(name)} has a value that is not finite")
        values += stored.size
    return values
