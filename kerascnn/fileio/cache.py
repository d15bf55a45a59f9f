"""The cache of downloaded files: a directory that only the user can write."""

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
"""Seconds without a write, after which another process may take over a partial download."""


def home() -> Path:
    """Returns the cache directory: KERASCNN_HOME, or the usual place of the operating system."""
    if chosen := os.environ.get("KERASCNN_HOME"):
        return Path(chosen).expanduser()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "kerascnn"
    if os.name == "nt":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else Path.home() / "AppData" / "Local") / "kerascnn" / "Cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kerascnn"


def check_private(directory: Path) -> None:
    """Raises UnsafeFileError for a directory of the cache that another user could write to."""
    if os.name != "posix":
        return
    top = home()
    for place in (
        top,
        *(parent for parent in (directory, *directory.parents) if top in parent.parents),
    ):
        with contextlib.suppress(OSError):
            if place.is_symlink() and place.lstat().st_uid not in (0, os.getuid()):
                raise UnsafeFileError(f"{place} is a link that another user created; remove it")
            if place.stat().st_mode & stat.S_IWOTH:
                raise UnsafeFileError(
                    f"all users can write to {place}; run chmod o-w on it, or set KERASCNN_HOME "
                    "to a directory of your own"
                )


def make_private(directory: Path) -> None:
    """Creates a directory and its parents, with permissions for the user only."""
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
    """Yields a partial file to download into, which holds what an earlier attempt left.

    Two processes never write to the same partial file: a process takes one over by renaming it,
    which only one of them can do.

    Args:
        path: the final file.
        keep: keep the partial file for the next attempt when the block raises. A block that finds
            its content wrong empties or removes it.
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
