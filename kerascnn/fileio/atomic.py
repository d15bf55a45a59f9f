"""Atomic writes: a crash, a full disk or a second writer leaves the old file or directory whole.

A file is written under a temporary name beside its target, flushed to the disk, and moved into
place in one step. The directory entry is flushed too, so that the move survives a power cut.
"""

from __future__ import annotations

import contextlib
import fcntl
import glob
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from kerascnn.errors import OutputError


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _parent(target: Path) -> Path:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"cannot create the directory {target.parent}: {error.strerror}; choose another place"
        ) from error
    return target.parent


@contextlib.contextmanager
def atomic_file(target: str | os.PathLike[str]) -> Iterator[Path]:
    """Yields a temporary path with the target's suffix; moves the file onto the target at the end.

    Args:
        target: the file to write. An older file of that name is kept until the new one is complete.

    Raises:
        OutputError: the directory cannot be written or the disk is full. The old file is kept.
    """
    target = Path(target)
    parent = _parent(target)
    suffixes = "".join(target.suffixes[-2:])
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{target.stem}.", suffix=suffixes, dir=parent)
        os.close(descriptor)
        # mkstemp makes the file private; the result gets the permissions of any new file.
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(name, 0o666 & ~mask)
    except OSError as error:
        raise OutputError(
            f"cannot write {target}: {error.strerror}; choose a directory that is writable"
        ) from error
    temporary = Path(name)
    try:
        yield temporary
        put_in_place(temporary, target)
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(
            f"cannot write {target}: {error.strerror or error}; the old file is kept"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def put_in_place(written: Path, target: Path) -> None:
    """Moves a finished file onto its target in one step, and flushes the directory entry.

    Args:
        written: the file, in the target's directory.
        target: an older file of that name is replaced.
    """
    _flush(written)
    os.replace(written, target)
    _flush(target.parent)


@contextlib.contextmanager
def atomic_directory(target: str | os.PathLike[str], *, overwrite: bool = False) -> Iterator[Path]:
    """Yields a temporary directory and moves it onto the target when the block ends without error.

    The temporary directory is inside `.NAME.kerascnn-XXXXXXXX` beside the target. A killed process
    leaves it behind; the next process that writes the same target removes it.

    Args:
        target: the directory to write.
        overwrite: replace a target that is not empty. The old directory is moved aside first, and
            removed when the new one is in place.

    Raises:
        OutputError: the target is not empty and `overwrite` is false, or it cannot be written.
    """
    target = Path(target)
    recover(target)
    refuse_occupied(target, overwrite=overwrite)
    parent = _parent(target)
    try:
        holder, descriptor = _holder(target)
    except OSError as error:
        raise OutputError(
            f"cannot write {target}: {error.strerror}; choose a directory that is writable"
        ) from error
    temporary, old = holder / "new", holder / _OLD
    try:
        temporary.mkdir()
        yield temporary
        for path in (*temporary.rglob("*"), temporary):
            if path.is_dir() or path.is_file():
                _flush(path)
        if target.exists():
            os.replace(target, old)
        try:
            os.replace(temporary, target)
        except OSError:
            if old.exists():
                os.replace(old, target)
            raise
        _flush(parent)
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"cannot write {target}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(holder, ignore_errors=True)
        os.close(descriptor)


_OLD = "old"


def _holder(target: Path) -> tuple[Path, int]:
    """Creates a directory beside the target and locks it; closing the descriptor ends the lock."""
    while True:
        directory = Path(tempfile.mkdtemp(prefix=f".{target.name}.kerascnn-", dir=target.parent))
        with contextlib.suppress(FileNotFoundError, BlockingIOError):  # `recover` removed it first
            descriptor = os.open(directory, os.O_RDONLY)
            try:
                _hold(descriptor)
                os.stat(directory)
            except BaseException:
                os.close(descriptor)
                raise
            return directory, descriptor


def _hold(descriptor: int) -> None:
    """Locks an open directory for this process.

    Raises:
        BlockingIOError: another running process has locked it.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if isinstance(error, BlockingIOError):
            raise
        # The file system has no locks: go on without one.


def recover(target: str | os.PathLike[str]) -> None:
    """Removes the temporary directories that killed writers of this target left behind.

    If the writer was killed after the old directory was moved aside and before the new one was in
    place, the old one is moved back.
    """
    target = Path(target)
    for holder in target.parent.glob(f".{glob.escape(target.name)}.kerascnn-*"):
        with contextlib.suppress(OSError):  # another process has locked or removed it
            descriptor = os.open(holder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if (holder / _OLD).exists() and not target.exists():
                    os.replace(holder / _OLD, target)
                shutil.rmtree(holder)
            finally:
                os.close(descriptor)


def refuse_occupied(
    target: str | os.PathLike[str], *, overwrite: bool = False, besides: str | None = None
) -> None:
    """Raises OutputError when `target` is a file, or a directory that is not empty.

    Args:
        target: the directory to write.
        overwrite: accept a directory with entries.
        besides: the name of an entry that is ignored.
    """
    target = Path(target)
    if target.exists() and not target.is_dir():
        raise OutputError(f"{target} is a file, not a directory; choose another name")
    occupied = target.is_dir() and any(path.name != besides for path in target.iterdir())
    if occupied and not overwrite:
        raise OutputError(
            f"{target} is not empty; choose another directory, or set --overwrite (overwrite=True)"
        )


def sha256_file(path: str | os.PathLike[str]) -> str:
    """Returns the SHA-256 of a file as 64 hexadecimal digits."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
