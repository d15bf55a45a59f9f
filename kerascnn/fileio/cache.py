"""Where fetched files are kept: a directory that belongs to the user alone."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from kerascnn.errors import OutputError, UnsafeFileError

ABANDONED = 600.0
"""Seconds after which a part that nobody writes to may be taken over."""


def home() -> Path:
    """Returns the directory of what is fetched: KERASCNN_HOME, or where this system keeps such."""
    if chosen := os.environ.get("KERASCNN_HOME"):
        return Path(chosen).expanduser()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "kerascnn"
    if os.name == "nt":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else Path.home() / "AppData" / "Local") / "kerascnn" / "Cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kerascnn"


def check_private(directory: Path) -> None:
    """Refuses a directory of the cache in which another user of the machine could lay files."""
    if os.name != "posix":
        return
    top = home()
    for place in (
        top,
        *(parent for parent in (directory, *directory.parents) if top in parent.parents),
    ):
        with contextlib.suppress(OSError):
            if place.is_symlink() and place.lstat().st_uid not in (0, os.getuid()):
                raise UnsafeFileError(f"{place} is a link that another user has made; remove it")
            if place.stat().st_mode & stat.S_IWOTH:
                raise UnsafeFileError(
                    f"everybody can write to {place}; run chmod o-w on it, or set KERASCNN_HOME "
                    "to a directory of your own"
                )


def make_private(directory: Path) -> None:
    """Makes a directory and those above it, for the user alone."""
    try:
        for place in (*reversed(directory.parents), directory):
            if not place.exists():
                place.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise _unwritable(directory, error) from error


def _unwritable(directory: Path, error: OSError) -> OutputError:
    return OutputError(
        f"cannot write to {directory}: {error.strerror}; set KERASCNN_HOME to a directory that is "
        "writable"
    )


@contextlib.contextmanager
def part_of(path: Path, *, keep: bool) -> Iterator[Path]:
    """Yields a file of one's own to download into, with what an earlier attempt left in it.

    Two processes never write into one part: each takes a part over by renaming it, which only one
    of them can do.

    Args:
        path: the file to be.
        keep: leave the part behind when the block is broken off, for the next attempt. It is not
            kept when what it holds proves wrong: the block then empties or removes it.
    """
    left = path.with_name(f".{path.name}.part")
    try:
        descriptor, name = tempfile.mkstemp(
            prefix=f".{path.name}.", suffix=".part", dir=path.parent
        )
        os.close(descriptor)
    except OSError as error:
        raise _unwritable(path.parent, error) from error
    part = Path(name)
    for candidate in (left, *_abandoned(path)):
        with contextlib.suppress(OSError):
            os.replace(candidate, part)
            break
    try:
        yield part
    except BaseException:
        if keep and part.exists() and part.stat().st_size:
            os.replace(part, left)
        raise
    finally:
        part.unlink(missing_ok=True)


def _abandoned(path: Path) -> list[Path]:
    abandoned = []
    for part in path.parent.glob(f".{path.name}.*.part"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - part.stat().st_mtime > ABANDONED:
                abandoned.append(part)
    return abandoned
