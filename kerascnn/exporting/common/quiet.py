"""Keeping the converters' log lines from the user's screen for as long as they run."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator


@contextlib.contextmanager
def quiet(name: str, level: int) -> Iterator[None]:
    """Raises the level of the logger `name` while the block runs."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(max(level, before))
    try:
        yield
    finally:
        logger.setLevel(before)
