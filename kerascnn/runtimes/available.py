"""The runtimes that can be used on this machine."""

from __future__ import annotations

import importlib.util
import os

from kerascnn.errors import UsageError

RUNTIMES = ("openvino", "onnxruntime", "litert", "tensorflow")
_MODULES = {"openvino": "openvino", "onnxruntime": "onnxruntime", "litert": "ai_edge_litert"}


def installed(runtime: str) -> bool:
    """Tells whether a runtime of `RUNTIMES` is installed."""
    return runtime == "tensorflow" or importlib.util.find_spec(_MODULES[runtime]) is not None


def require(runtime: str) -> None:
    """Raises UsageError, with the command that installs it, unless a runtime is installed."""
    if runtime not in RUNTIMES:
        raise UsageError(f"runtime={runtime!r}; choose auto, {', '.join(RUNTIMES)}")
    if not installed(runtime):
        raise UsageError(
            f'{runtime} is not installed; `pip install "kerascnn[deploy]"` installs it, or choose '
            'runtime="onnxruntime"'
        )


def processor_count() -> int:
    """Returns the number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
