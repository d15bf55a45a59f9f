"""What is known of a file's content: a published digest, or the one that lies beside it."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kerascnn.fileio.atomic import sha256_file


@dataclass(frozen=True)
class Digest:
    """Digests in hexadecimal; a SHA-256 may be its first digits, as many as are published."""

    sha256: str | None = None
    md5: str | None = None

    def __bool__(self) -> bool:
        return bool(self.sha256 or self.md5)

    def fault(self, path: Path) -> str | None:
        """Returns in what a file is not the one meant, or None."""
        if self.sha256:
            found = sha256_file(path)
            if not found.startswith(self.sha256.lower()):
                begins = "is" if len(self.sha256) == len(found) else "begins"
                return f"its SHA-256 {begins} {found[: len(self.sha256)]}, not {self.sha256}"
        if self.md5:
            with path.open("rb") as stream:
                found = hashlib.file_digest(stream, _md5).hexdigest()
            if found != self.md5.lower():
                return f"its MD5 is {found}, not {self.md5}"
        return None


def _md5() -> Any:
    return hashlib.md5(usedforsecurity=False)  # all that keras.applications publishes


def note_of(path: Path) -> Path:
    """Returns where the SHA-256 of a file lies, as `sha256sum --check` reads it."""
    return path.with_name(path.name + ".sha256")


def noted(path: Path) -> Digest:
    """Returns the digest that lies beside a file, empty where there is none."""
    try:
        with note_of(path).open("rb") as stream:
            text = stream.read(200).decode("ascii")
    except (OSError, UnicodeDecodeError):
        return Digest()
    found = re.match(r"\\?([0-9a-fA-F]{64})\b", text)
    return Digest(sha256=found[1].lower() if found else None)


def all_known(path: Path, published: Digest) -> Digest:
    """Returns what is published of a file and what lies beside it; where they differ, the first."""
    beside = noted(path).sha256
    if beside and beside.startswith((published.sha256 or "").lower()):
        return replace(published, sha256=beside)
    return published
