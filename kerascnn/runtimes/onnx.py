"""Opens ONNX files in ONNX Runtime."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascnn.errors import UnsafeFileError
from kerascnn.lazy import np
from kerascnn.runtimes.contract import INPUT, OUTPUT

if TYPE_CHECKING:
    import numpy.typing as npt


def open_runtime(path: Path) -> Callable[[npt.NDArray[Any]], npt.NDArray[Any]]:
    """Loads the file in onnxruntime and returns it as a function of a batch.

    A file with the channels first is given images with the channels last all the same, and maps
    come back so.

    Raises:
        UnsafeFileError: it refers to weights in other files.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # read when onnxruntime is imported
    import onnxruntime

    _refuse_other_files(path)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    described = session.get_modelmeta().custom_metadata_map.get("input", "{}")
    turned = json.loads(described).get("layout") == "nchw"

    def run(images: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if turned:
            images = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
        output = np.asarray(session.run([OUTPUT], {INPUT: images})[0])
        return output.transpose(0, 2, 3, 1) if turned and output.ndim == 4 else output

    return run


def _refuse_other_files(path: Path) -> None:
    import onnx

    for entry in onnx.load(path, load_external_data=False).graph.initializer:
        if entry.data_location == onnx.TensorProto.EXTERNAL:
            raise UnsafeFileError(
                f"{path.name} keeps {entry.name} in another file, which no export of kerascnn "
                "does; it was not opened"
            )
