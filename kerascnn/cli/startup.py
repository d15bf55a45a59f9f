"""Starting TensorFlow from the command without its start-up chatter.

TensorFlow 2.21 writes some lines before it reads TF_CPP_MIN_LOG_LEVEL (tensorflow#100442), so they
are taken out of the standard error stream while it starts; every other line passes.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
from collections.abc import Iterator

_CHATTER = re.compile(
    rb"WARNING: All log messages before absl::InitializeLog"
    rb"|I\d{4} .*(port\.cc|cudart_stub\.cc|cpu_feature_guard\.cc)"
    rb"|To enable the following instructions:"
    # No CUDA driver (303) and no CUDA device (100) only say that this machine has no GPU.
    rb"|E\d{4} .*failed call to cuInit.*(\(303\)|\(100\)|NO_DEVICE|no CUDA-capable device)"
)


def start_keras(*, debug: bool = False) -> None:
    """Imports Keras and its backend, which everything after this finds loaded.

    Args:
        debug: let all log lines pass.
    """
    if debug:
        import keras as keras

        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    with contextlib.nullcontext() if "keras" in sys.modules else _without_chatter():
        import keras

        if keras.config.backend() == "tensorflow":
            import tensorflow as tf

            # The GPU driver is looked for, and missed aloud, when devices are first listed.
            tf.config.list_physical_devices()


@contextlib.contextmanager
def _without_chatter() -> Iterator[None]:
    """Passes standard error through a filter.

    The filter is a process of its own: what a start-up that aborts says at the end still arrives.
    """
    sys.stderr.flush()
    real = os.dup(2)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writing)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business
        with open(reading, "rb") as lines:
            for line in lines:
                if not _CHATTER.match(line):
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
