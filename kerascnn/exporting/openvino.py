"""OpenVINO's own format, made from the ONNX file's contents; for machines that have OpenVINO."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascnn.errors import UsageError
from kerascnn.exporting.common.network import INPUT, Network
from kerascnn.exporting.common.options import ExportOptions, Job
from kerascnn.exporting.onnx import format
from kerascnn.lazy import np
from kerascnn.runtimes.load import import_openvino, openvino_core

if TYPE_CHECKING:
    import numpy.typing as npt

NAME = "openvino"
MODEL = "model.xml"


def check(network: Network, options: ExportOptions) -> None:
    """Refuses what ONNX refuses, and a machine without OpenVINO.

    Raises:
        UsageError: it is not installed.
    """
    if importlib.util.find_spec("openvino") is None:
        raise UsageError(
            'OpenVINO is not installed; `pip install "kerascnn[deploy]"` brings it, and it reads '
            "the ONNX file as it is"
        )
    format.check(network, options)


def write(job: Job, path: Path) -> dict[str, Any]:
    """Writes model.xml and model.bin into the directory `path`, in float32."""
    import io

    openvino = import_openvino()
    onnx_model = format.convert(job.network, job.options, job.preprocessing)
    model = openvino_core().read_model(io.BytesIO(onnx_model.SerializeToString()))
    for key, value in job.metadata.items():
        model.set_rt_info(json.dumps(value, ensure_ascii=False), ["kerascnn", key])
    path.mkdir()
    openvino.save_model(model, str(path / MODEL), compress_to_fp16=False)
    return {}


def read_metadata(path: Path) -> dict[str, Any]:
    """Returns what `write` was given, without compiling the model."""
    stored = openvino_core().read_model(str(path / MODEL)).get_rt_info(["kerascnn"]).value
    return {key: json.loads(entry) for key, entry in stored.items()}


def open_runtime(path: Path) -> Callable[[npt.NDArray[Any]], npt.NDArray[Any]]:
    """Compiles the model for this CPU in float32 and returns it as a function of a batch."""
    core = openvino_core()
    model = core.read_model(str(path / MODEL))
    described = model.get_rt_info(["kerascnn", "input"]).value
    turned = json.loads(described).get("layout") == "nchw"
    # By default a CPU with AMX would compute in bfloat16.
    compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def run(images: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if turned:
            images = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
        output = np.array(compiled({INPUT: images})[0])
        return output.transpose(0, 2, 3, 1) if turned and output.ndim == 4 else output

    return run
