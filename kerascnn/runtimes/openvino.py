"""Opens OpenVINO directories."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascnn.lazy import np
from kerascnn.runtimes.contract import INPUT, OPENVINO_MODEL
from kerascnn.runtimes.load import openvino_core

if TYPE_CHECKING:
    import numpy.typing as npt


def open_runtime(path: Path) -> Callable[[npt.NDArray[Any]], npt.NDArray[Any]]:
    """Compiles the model for this CPU in float32 and returns it as a function of a batch."""
    core = openvino_core()
    model = core.read_model(str(path / OPENVINO_MODEL))
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
