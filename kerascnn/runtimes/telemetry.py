"""Imports ONNX Runtime and OpenVINO with their telemetry switched off.

Both send usage statistics to their makers when they are imported, unless this is switched off
before. The package imports them only here.
"""

from __future__ import annotations

import os
import sys
import types
from typing import Any, cast

from kerascnn.runtimes.available import require


def import_onnxruntime() -> Any:
    """Imports onnxruntime without its telemetry, which it has on Linux since 1.29."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # onnxruntime reads it at its import
    import onnxruntime

    return onnxruntime


def import_openvino() -> Any:
    """Imports OpenVINO without its telemetry.

    `import openvino` sends a message to its maker and writes below the home directory, unless the
    package openvino_telemetry cannot be imported: then it uses its own empty replacement. So that
    import is blocked while OpenVINO is imported (OpenVINO 2026.4, tools/ovc/telemetry_utils.py).
    """
    require("openvino")
    name = "openvino_telemetry"
    modules = cast(dict[str, Any], sys.modules)  # the value None blocks the import of a name
    before = modules.get(name, ...)
    if not isinstance(before, types.ModuleType):
        modules[name] = None
    try:
        import openvino

        return openvino
    finally:
        if before is ...:
            modules.pop(name, None)
