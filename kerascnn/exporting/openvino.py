"""Writes OpenVINO models, converted from ONNX by OpenVINO, which must be installed."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

from kerascnn.errors import UsageError
from kerascnn.exporting.common.network import Network
from kerascnn.exporting.common.options import ExportOptions, Job
from kerascnn.exporting.onnx import format
from kerascnn.runtimes.available import installed
from kerascnn.runtimes.contract import OPENVINO_MODEL
from kerascnn.runtimes.openvino import shared_core
from kerascnn.runtimes.telemetry import import_openvino


def check(network: Network, options: ExportOptions) -> None:
    """Refuses a network that cannot be written.

    Raises:
        UsageError: OpenVINO is not installed.
        MismatchError: the network cannot be written as ONNX.
    """
    if not installed("openvino"):
        raise UsageError(
            'OpenVINO is not installed; `pip install "kerascnn[deploy]"` installs it, or export '
            "ONNX, which it also reads"
        )
    format.check(network, options)


def write(job: Job, path: Path) -> dict[str, Any]:
    """Writes model.xml and model.bin into the directory `path`, in float32."""
    openvino = import_openvino()
    onnx_model = format.convert(job.network, job.options, job.preprocessing)
    model = shared_core().read_model(io.BytesIO(onnx_model.SerializeToString()))
    for key, value in job.metadata.items():
        model.set_rt_info(json.dumps(value, ensure_ascii=False), ["kerascnn", key])
    path.mkdir()
    openvino.save_model(model, str(path / OPENVINO_MODEL), compress_to_fp16=False)
    return {}
