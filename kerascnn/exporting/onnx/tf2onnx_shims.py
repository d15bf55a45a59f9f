"""What has to be worked around in the converters, each with its version and reason.

tests/test_export_formats.py and test_export_graph.py fail for an entry that is no longer needed.
The patches for numpy 2 that Keras 3.15 applies to tf2onnx (`keras.src.export.tf2onnx_lib`) are in
tf2onnx since 1.17.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

PAD_VALUE = 2.0**-23
"""What a border of zeros is filled with in front of a pooling.

Until 1.31, onnxruntime moves a Pad of exactly 0 into the MaxPool behind it, whose own border is
minus infinity: wrong where all values of a window are below zero. 1.32 does not, but a file that
leaves here meets whatever runtime is there. Not a zero in float16 either.
"""


@contextlib.contextmanager
def optimise_in_place() -> Iterator[None]:
    """Lets tf2onnx optimise its graph without copying it before every pass.

    tf2onnx 1.17 copies the graph, weights included, before each of its 12 passes and each
    repetition, so that a pass that fails can be undone: a third of the processor time and 2.5 GB of
    memory for a ResNet-50. TF2ONNX_CATCH_ERRORS is its switch; a pass that fails then raises.
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
