"""The lock of a run directory: one writer, released by the system when its process ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from kerascnn.errors import OutputError, UsageError

LOCK = "run.lock"


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Locks a directory within the block; a missing directory is created.

    Raises:
        UsageError: another process has locked it.
        OutputError: it cannot be written.
    """
    path = directory / LOCK
    try:
        directory.mkdir(parents=True, exist_ok=True)
        descriptor = _taken(path)
    except OSError as error:
        raise OutputError(
            f"cannot write the run directory {directory}: {error.strerror}; choose another place"
        ) from error
    try:
        yield
    finally:
        # Removed while it is locked: a process that waits for it finds a new file and tries again.
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _taken(path: Path) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _lock(descriptor, path)
            if path.exists() and os.path.samestat(os.fstat(descriptor), path.stat()):
                os.ftruncate(descriptor, 0)
                os.write(descriptor, f"{os.getpid()} {socket.gethostname()}\n".encode())
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # its owner removed the file between the two calls


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.pread(descriptor, 200, 0).decode("utf-8", "replace").split() or ["?"]
        host = f" on {owner[1]}" if len(owner) > 1 else ""
        raise UsageError(
            f"process {owner[0]}{host} is training into {path.parent}; wait for it, stop it, or "
            "choose another directory"
        ) from None
