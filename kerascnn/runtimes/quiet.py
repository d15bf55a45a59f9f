"""Hides the messages of converters and runtimes while they run."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import tempfile
import threading
from collections.abc import Iterator

_STDERR_LOCK = threading.Lock()


@contextlib.contextmanager
def quiet_logger(name: str, level: int) -> Iterator[None]:
    """Raises the level of the logger `name` while the block runs."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(max(level, before))
    try:
        yield
    finally:
        logger.setLevel(before)


@contextlib.contextmanager
def quiet_stderr() -> Iterator[None]:
    """Discards what the process writes to standard error while the block runs.

    C++ code writes to file descriptor 2, which `contextlib.redirect_stderr` does not reach. One
    thread does it at a time: two would restore each other's descriptor.
    """
    with _STDERR_LOCK:
        sys.stderr.flush()
        saved = os.dup(2)
        try:
            with tempfile.TemporaryFile() as sink:
                os.dup2(sink.fileno(), 2)
                yield
        finally:
            sys.stderr.flush()
            os.dup2(saved, 2)
            os.close(saved)
