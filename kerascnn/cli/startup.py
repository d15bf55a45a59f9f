"""Starts TensorFlow for the command without its start-up log lines.

TensorFlow 2.21 writes some lines before it reads TF_CPP_MIN_LOG_LEVEL (tensorflow#100442). They are
removed from standard error while it starts; every other line passes.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
from collections.abc import Iterator

_START_UP_LINES = re.compile(
    rb"WARNING: All log messages before absl::InitializeLog"
    rb"|I\d{4} .*(port\.cc|cudart_stub\.cc|cpu_feature_guard\.cc)"
    rb"|To enable the following instructions:"
    # No CUDA driver (303) and no CUDA device (100): the machine has no GPU.
    rb"|E\d{4} .*failed call to cuInit.*(\(303\)|\(100\)|NO_DEVICE|no CUDA-capable device)"
)


def start_keras(*, debug: bool = False) -> None:
    """Imports Keras and its backend, without the start-up log lines.

    Args:
        debug: show all log lines.
    """
    if debug:
        import keras as keras

        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    with contextlib.nullcontext() if "keras" in sys.modules else _without_start_up_lines():
        import keras

        if keras.config.backend() == "tensorflow":
            import tensorflow as tf

            # TensorFlow looks for the GPU driver, and logs its absence, at the first listing.
            tf.config.list_physical_devices()


@contextlib.contextmanager
def _without_start_up_lines() -> Iterator[None]:
    """Filters standard error within the block.

    The filter is a process of its own, so that the last lines of a start-up that aborts arrive.
    """
    sys.stderr.flush()
    real = os.dup(2)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writing)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent process
        with open(reading, "rb") as lines:
            for line in lines:
                if not _START_UP_LINES.match(line):
                    os.write(real, line)
        os._exit(0)
    os.close(reading)
    os.dup2(writing, 2)
    os.close(writing)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(real, 2)
        os.close(real)
        os.waitpid(child, 0)
