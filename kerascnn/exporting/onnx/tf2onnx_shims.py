"""Workarounds for faults of tf2onnx and onnxruntime, each with its version and reason.

The tests fail for a workaround that is no longer needed. The patches for NumPy 2 that Keras 3.15
applies to tf2onnx (`keras.src.export.tf2onnx_lib`) are part of tf2onnx since 1.17.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

PAD_VALUE = 2.0**-23
"""The value that stands for zero in the padding before a pooling.

Until 1.31, onnxruntime merges a Pad of exactly 0 into the MaxPool that follows. That pads with
minus infinity, which is wrong where all values of a window are below zero. 1.32 does not, but
exported files may run in any version. The value is not zero in float16 either.
"""


@contextlib.contextmanager
def optimise_in_place() -> Iterator[None]:
    """Makes tf2onnx optimise its graph without a copy before every pass.

    tf2onnx 1.17 copies the graph with its weights before each repetition of its 12 passes, to undo
    a pass that fails. For a ResNet-50 this takes a third of the processor time and 2.5 GB of
    memory. The variable TF2ONNX_CATCH_ERRORS switches it off; a pass that fails then raises.
    """
    name = "TF2ONNX_CATCH_ERRORS"
    before = os.environ.get(name)
    os.environ[name] = "FALSE"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
