"""The runtimes that artifacts run in, each as a function from a batch of inputs to scores.

They are optional but for onnxruntime. None of them may call home: onnxruntime and OpenVINO send
statistics when they are imported, unless that is turned off before.
"""

from __future__ import annotations

import collections
import functools
import importlib
import importlib.util
import io
import os
import sys
import threading
import time
import types
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from kerascnn.errors import MismatchError, UsageError
from kerascnn.lazy import np

if TYPE_CHECKING:
    import numpy as np

RUNTIMES = ("openvino", "onnxruntime", "litert", "tensorflow")
_MODULES = {"openvino": "openvino", "onnxruntime": "onnxruntime", "litert": "ai_edge_litert"}


@dataclass(frozen=True)
class Loaded:
    """A network in a runtime, with the layout and type of its own input.

    Attributes:
        run: from a batch as the file wants it to its scores; may be called from any thread.
        sizes: of the input without the batch, in the file's order; None where any is taken.
        dtype: NumPy's name of the input's type.
        half: `run` in bfloat16, made at the first call of this function; None where the processor
            has no units for it or the runtime cannot use them.
    """

    run: Callable[[np.ndarray], np.ndarray]
    sizes: tuple[int | None, ...]
    dtype: str
    half: Callable[[], Callable[[np.ndarray], np.ndarray]] | None = None


def installed(runtime: str) -> bool:
    """Returns whether a runtime of `RUNTIMES` is here."""
    return runtime == "tensorflow" or importlib.util.find_spec(_MODULES[runtime]) is not None


def require(runtime: str) -> None:
    """Raises UsageError, which says how to get it, unless a runtime is known and installed."""
    if runtime not in RUNTIMES:
        raise UsageError(f"runtime={runtime!r}; choose auto, {', '.join(RUNTIMES)}")
    if not installed(runtime):
        raise UsageError(
            f'{runtime} is not installed; `pip install "kerascnn[deploy]"` brings it, or choose '
            'runtime="onnxruntime"'
        )


def cores() -> int:
    """Returns the number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def import_onnxruntime() -> Any:
    """Imports onnxruntime without its telemetry, which it has on Linux since 1.29."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # read at the import
    return importlib.import_module("onnxruntime")


def import_openvino() -> Any:
    """Imports OpenVINO without its telemetry.

    `import openvino` announces itself to its maker and writes below the home directory, unless
    the package openvino_telemetry is missing: then it uses its own empty stand-in. So the package
    is made to miss for as long as the import takes (OpenVINO 2026.4, tools/ovc/telemetry_utils.py).
    """
    require("openvino")
    name = "openvino_telemetry"
    missing = cast(dict[str, Any], sys.modules)  # None in it means: cannot be imported
    kept = missing.get(name, ...)
    if not isinstance(kept, types.ModuleType):
        missing[name] = None
    try:
        return importlib.import_module("openvino")
    finally:
        if kept is ...:
            missing.pop(name, None)


@functools.cache
def openvino_core() -> Any:
    """Returns the one OpenVINO core of the process, which is never released.

    Each core's CPU plugin gives the thread a stack for its signals, and takes that one away and
    puts back what it found when it is released. Two cores released in the order in which they were
    made leave a stack that is gone: the next Ctrl-C ends Python with a segmentation fault
    (OpenVINO 2026.4).
    """
    return import_openvino().Core()


def load_onnxruntime(content: bytes, output: str | None, threads: int | None) -> Loaded:
    """Loads the content of an ONNX file in onnxruntime, on the CPU.

    Args:
        content: of the file.
        output: the name of the scores; None for the first output.
        threads: to compute with; None for as many as there are processors.
    """
    onnxruntime = import_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads or cores()
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    inputs = session.get_inputs()
    _one_input([(one.name, one.type, one.shape) for one in inputs])
    name, wanted = inputs[0].name, [output or session.get_outputs()[0].name]

    def run(batch: np.ndarray) -> np.ndarray:
        return np.asarray(session.run(wanted, {name: batch})[0])

    kind = {"tensor(float)": "float32", "tensor(float16)": "float16", "tensor(uint8)": "uint8"}
    sizes = tuple(size if isinstance(size, int) else None for size in inputs[0].shape[1:])
    return Loaded(run, sizes, kind.get(inputs[0].type, inputs[0].type))


_FIXED = 2
"""Shapes of a batch for each of which the network is compiled and takes its memory again."""


def compile_openvino(
    model: Any, setting: dict[str, Any], output: str | None
) -> Callable[[np.ndarray], np.ndarray]:
    """Returns a model of OpenVINO as a function, for one caller at a time."""
    made = openvino_core().compile_model(model, "CPU", setting)
    place = made.outputs.index(made.output(output)) if output else 0
    request = made.create_infer_request()

    def run(batch: np.ndarray) -> np.ndarray:
        request.infer([batch], share_inputs=True)
        return np.array(request.get_output_tensor(place).data)

    return run


def load_openvino(source: bytes | Path, output: str | None, threads: int | None) -> Loaded:
    """Loads the content of an ONNX file, or the path of an OpenVINO model, on the CPU.

    For the first two shapes of a batch in which as much time was spent as compiling takes, the
    network is compiled for that shape alone, which is up to a third faster; the call that does it
    takes longer, and later answers may differ by float32's rounding.

    Args:
        source: content, or the path of the .xml file beside its .bin file.
        output: the name of the scores; None for the first output.
        threads: to compute with; None for as many as there are processors.
    """
    core = openvino_core()
    model = core.read_model(io.BytesIO(source) if isinstance(source, bytes) else str(source))
    _one_input([(one.any_name, str(one.element_type), one.partial_shape) for one in model.inputs])

    def compiled(precision: str) -> Callable[[np.ndarray], np.ndarray]:
        setting = {
            # By default a CPU with AMX would compute in bfloat16, unasked.
            "INFERENCE_PRECISION_HINT": precision,
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": 1,
            "INFERENCE_NUM_THREADS": threads or cores(),
        }
        started = time.perf_counter()
        general = compile_openvino(model, setting, output)
        compiling = time.perf_counter() - started
        fixed: dict[tuple[int, ...], Callable[[np.ndarray], np.ndarray]] = {}
        spent: dict[tuple[int, ...], float] = collections.defaultdict(float)
        lock = threading.Lock()  # a request serves one caller at a time; all threads work on it

        def run(batch: np.ndarray) -> np.ndarray:
            shape = batch.shape
            with lock:
                if shape in fixed:
                    return fixed[shape](batch)
                if len(fixed) == _FIXED or model.inputs[0].partial_shape.is_static:
                    return general(batch)
                if spent[shape] >= compiling:
                    alone = model.clone()
                    alone.reshape(shape)
                    fixed[shape] = compile_openvino(alone, setting, output)
                    return fixed[shape](batch)
                started = time.perf_counter()
                answer = general(batch)
                spent[shape] += time.perf_counter() - started
                return answer

        return run

    able = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    sizes = tuple(
        None if one.is_dynamic else one.get_length() for one in model.inputs[0].partial_shape
    )
    kinds = {"f32": "float32", "f16": "float16", "u8": "uint8"}
    kind = model.inputs[0].element_type.get_type_name()
    half = (lambda: compiled("bf16")) if able else None
    return Loaded(compiled("f32"), sizes[1:], kinds.get(kind, kind), half)


def load_litert(content: bytes, threads: int | None) -> Loaded:
    """Loads the content of a LiteRT file, whose quantised input and output are hidden.

    Args:
        content: of the file.
        threads: to compute with; None for as many as there are processors.
    """
    require("litert")
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content, num_threads=threads or cores())
    inputs = interpreter.get_input_details()
    _one_input([(one["name"], one["dtype"], one["shape_signature"]) for one in inputs])
    (taken,), given = inputs, interpreter.get_output_details()[0]
    lock, ready = threading.Lock(), [()]

    def run(batch: np.ndarray) -> np.ndarray:
        with lock:
            if ready[0] != batch.shape:
                interpreter.resize_tensor_input(taken["index"], batch.shape)
                interpreter.allocate_tensors()
                ready[0] = batch.shape
            interpreter.set_tensor(taken["index"], _stored(batch, taken))
            interpreter.invoke()
            return _real(interpreter.get_tensor(given["index"]), given)

    sizes = tuple(None if size < 0 else int(size) for size in taken["shape_signature"][1:])
    quantised = taken["dtype"] in (np.int8, np.uint8)
    return Loaded(run, sizes, "float32" if quantised else np.dtype(taken["dtype"]).name)


def _stored(values: np.ndarray, details: Any) -> np.ndarray:
    """Returns real numbers as a LiteRT model stores them."""
    scale, zero = details["quantization"]
    if details["dtype"] not in (np.int8, np.uint8) or not scale:
        return values.astype(details["dtype"], copy=False)
    limits = np.iinfo(details["dtype"])
    return np.clip(np.round(values / scale + zero), limits.min, limits.max).astype(details["dtype"])


def _real(values: np.ndarray, details: Any) -> np.ndarray:
    scale, zero = details["quantization"]
    if details["dtype"] not in (np.int8, np.uint8) or not scale:
        return values
    return (values.astype(np.float32) - zero) * np.float32(scale)


def _one_input(inputs: list[tuple[Any, ...]]) -> None:
    """Raises MismatchError unless there is one input, and it is of four axes."""
    if len(inputs) != 1 or len(inputs[0][2]) != 4:
        raise MismatchError(f"the file takes {inputs}; it must take one batch of images"[:400])
