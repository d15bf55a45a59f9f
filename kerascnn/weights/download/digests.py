"""Digests of a downloaded file: the published one, and the one stored in the same folder."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kerascnn.fileio.atomic import sha256_file


@dataclass(frozen=True)
class Digest:
    """The digests that a file must have.

    Args:
        sha256: hexadecimal digits of the SHA-256, or only its first digits; None if unknown.
        md5: the MD5, hexadecimal; None if unknown.
    """

    sha256: str | None = None
    md5: str | None = None

    def __bool__(self) -> bool:
        return bool(self.sha256 or self.md5)

    def fault(self, path: Path) -> str | None:
        """Returns how a file's digest differs, or None if it agrees."""
        if self.sha256:
            sha256 = sha256_file(path)
            if not sha256.startswith(self.sha256.lower()):
                begins = "is" if len(self.sha256) == len(sha256) else "begins"
                return f"its SHA-256 {begins} {sha256[: len(self.sha256)]}, not {self.sha256}"
        if self.md5:
            with path.open("rb") as stream:
                md5 = hashlib.file_digest(stream, _md5).hexdigest()
            if md5 != self.md5.lower():
                return f"its MD5 is {md5}, not {self.md5}"
        return None


def _md5() -> Any:
    return hashlib.md5(usedforsecurity=False)  # keras.applications publishes no other digest


def digest_file(path: Path) -> Path:
    """Returns the path of the file with a file's SHA-256, in the format of `sha256sum --check`."""
    return path.with_name(path.name + ".sha256")


def digest_beside(path: Path) -> Digest:
    """Returns the digest in the file `digest_file(path)`; empty if there is no such file."""
    try:
        with digest_file(path).open("rb") as stream:
            text = stream.read(200).decode("ascii")
    except (OSError, UnicodeDecodeError):
        return Digest()
    match = re.match(r"\\?([0-9a-fA-F]{64})\b", text)
    return Digest(sha256=match[1].lower() if match else None)


def with_digest_beside(path: Path, published: Digest) -> Digest:
    """Returns a published digest, with the SHA-256 of `digest_beside` if the two do not differ."""
    beside = digest_beside(path).sha256
    if beside and beside.startswith((published.sha256 or "").lower()):
        return replace(published, sha256=beside)
    return published
