"""What a hostile file is: its name, what writes it, and how it must be refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

UNSAFE, DAMAGED, MISMATCH, DATA = (
    "UnsafeFileError",
    "DamagedFileError",
    "LoadError",
    "DataError",
)


@dataclass(frozen=True)
class Hostile:
    """A file that must be refused.

    Args:
        name: of the file.
        write: writes it at a path.
        errors: classes of which one must be raised.
        words: what the message must contain.
    """

    name: str
    write: Callable[[Path], object]
    errors: tuple[str, ...] = (UNSAFE,)
    words: tuple[str, ...] = ()
