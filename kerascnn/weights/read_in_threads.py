"""Reads the new values of all variables, large tensors in several threads."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from kerascnn.weights.fit import Step
from kerascnn.weights.formats.checkpoint import Checkpoint
from kerascnn.weights.read_values import SMALL, Values

if TYPE_CHECKING:
    import numpy

WORKERS = min(4, os.cpu_count() or 1)
BATCH_BYTES = 2**23
"""Bytes of tensors that a thread reads in one task: small, so that the threads end together."""


def read_all(
    values: Values, checkpoint: Checkpoint, steps: Sequence[Step]
) -> tuple[dict[str, numpy.ndarray], dict[str, list[str]]]:
    """Returns the variables' new values, and notes on how each tensor was changed.

    Args:
        values: reads and converts tensors.
        checkpoint: the open file.
        steps: how each variable gets its value.
    """
    small, batches = _batches(checkpoint, steps)
    with _pool() as submit:
        # Small tensors are limited by Python, large ones by memory: read both at once.
        pending = [(batch, submit(values.of, batch)) for batch in batches]
        results = dict(zip([step.name for step in small], values.of(small), strict=True))
        for batch, future in pending:
            results |= zip([step.name for step in batch], future.result(), strict=True)
    return (
        {step.name: results[step.name][0] for step in steps},
        {step.name: results[step.name][1] for step in steps},
    )


def _batches(checkpoint: Checkpoint, steps: Sequence[Step]) -> tuple[list[Step], list[list[Step]]]:
    """Returns the steps of small tensors, and batches of at least `BATCH_BYTES` of others."""
    small: list[Step] = []
    batches: list[list[Step]] = []
    room = 0
    for step in steps:
        size = checkpoint.tensors[step.key].nbytes
        if size <= SMALL:
            small.append(step)
            continue
        if room <= 0:
            batches.append([])
            room = BATCH_BYTES
        batches[-1].append(step)
        room -= size
    return small, batches


@contextlib.contextmanager
def _pool() -> Iterator[Callable[..., Future[Any]]]:
    """Yields a function that starts a call in another thread; an error cancels waiting calls."""
    executor = ThreadPoolExecutor(WORKERS)
    try:
        yield executor.submit
    finally:
        executor.shutdown(cancel_futures=True)
