"""Opens OpenVINO models, and runs ONNX files in OpenVINO."""

from __future__ import annotations

import collections
import functools
import io
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from kerascnn.fileio.untrusted import named, open_regular, reading
from kerascnn.lazy import np
from kerascnn.runtimes.artifact import Artifact, require_one_image_input
from kerascnn.runtimes.available import processor_count, require
from kerascnn.runtimes.contract import OPENVINO_MODEL
from kerascnn.runtimes.metadata import METADATA_KEYS, parse_metadata
from kerascnn.runtimes.telemetry import import_openvino

if TYPE_CHECKING:
    from kerascnn.runtimes.artifact import Array, Run

_LARGEST_XML = 2**28
"""Largest size in bytes of the .xml file, which has no weights."""
_FIXED_SHAPES = 2
"""Number of batch shapes for which the network is compiled again, which takes its memory again."""
_TYPES = {"f32": "float32", "f16": "float16", "u8": "uint8"}


def open_artifact(path: Path, *, threads: int | None = None) -> Artifact:
    """Opens an OpenVINO model, on the CPU in float32.

    Args:
        path: the .xml file, which has its .bin file beside it, or the directory of `model.xml`.
        threads: to compute with; None uses all processors.

    Raises:
        UsageError: OpenVINO is not installed.
        DataError: one of the two files does not exist.
        DamagedFileError: it is truncated or corrupt.
        MismatchError: it does not take one batch of images.
    """
    require("openvino")
    path = _xml_file(path)
    for part in (path, path.with_suffix(".bin")):
        with open_regular(part):
            pass
    with reading(f"{named(path)} is no complete OpenVINO model"):
        artifact = load(path, None, threads)
    return replace(artifact, metadata=read_metadata(path))


def read_metadata(path: Path) -> dict[str, Any]:
    """Returns the metadata of an OpenVINO model, without loading it; OpenVINO is not needed.

    Args:
        path: the .xml file, or the directory of `model.xml`.

    Raises:
        DamagedFileError: the file is no XML, or the metadata is damaged.
    """
    path = _xml_file(path)
    with (
        open_regular(path, limit=_LARGEST_XML) as stream,
        reading(f"the metadata of {named(path)} is damaged"),
    ):
        section = ElementTree.parse(stream).find("rt_info/kerascnn")
        return {
            entry.tag: parse_metadata(entry.get("value", ""), named(path))
            for entry in ([] if section is None else section)
            if entry.tag in METADATA_KEYS
        }


def load(source: bytes | Path, output: str | None, threads: int | None) -> Artifact:
    """Loads the content of an ONNX file, or an OpenVINO model, on the CPU.

    The network is compiled for any batch shape. For the first two shapes whose batches have taken
    as much time as compiling takes, it is compiled for that shape alone, which computes up to a
    third faster. That call takes longer, and later outputs may differ by float32's rounding.

    Args:
        source: content of an ONNX file, or the path of the .xml file.
        output: name of the output to compute; None for the first one.
        threads: to compute with; None uses all processors.
    """
    core = shared_core()
    model = core.read_model(io.BytesIO(source) if isinstance(source, bytes) else str(source))
    require_one_image_input(
        [(entry.any_name, str(entry.element_type), entry.partial_shape) for entry in model.inputs]
    )

    def compile_in(precision: str) -> Run:
        settings = {
            # By default OpenVINO computes in bfloat16 on a CPU with AMX.
            "INFERENCE_PRECISION_HINT": precision,
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": 1,
            "INFERENCE_NUM_THREADS": threads or processor_count(),
        }
        return _compile_for_frequent_shapes(model, settings, output)

    (image,) = model.inputs
    shape = tuple(
        None if size.is_dynamic else size.get_length() for size in list(image.partial_shape)[1:]
    )
    dtype = image.element_type.get_type_name()
    has_bfloat16 = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return Artifact(
        "openvino",
        compile_in("f32"),
        shape,
        _TYPES.get(dtype, dtype),
        compile_bfloat16=functools.partial(compile_in, "bf16") if has_bfloat16 else None,
    )


@functools.cache
def shared_core() -> Any:
    """Returns the process's only OpenVINO core, which is never released.

    The CPU plugin of each core installs a stack for signal handlers and, when it is released,
    restores the previous one. After two cores are released in the order in which they were
    created, the restored stack does not exist any more: the next Ctrl-C ends Python with a
    segmentation fault (OpenVINO 2026.4).
    """
    return import_openvino().Core()


def compile_openvino(model: Any, settings: dict[str, Any], output: str | None) -> Run:
    """Compiles an OpenVINO model; the returned function serves one caller at a time."""
    compiled = shared_core().compile_model(model, "CPU", settings)
    index = compiled.outputs.index(compiled.output(output)) if output else 0
    request = compiled.create_infer_request()

    def run(batch: Array) -> Array:
        request.infer([batch], share_inputs=True)
        return np.array(request.get_output_tensor(index).data)

    return run


def _compile_for_frequent_shapes(model: Any, settings: dict[str, Any], output: str | None) -> Run:
    """Compiles a model for any batch shape, and again for the shapes that come often."""
    started = time.perf_counter()
    run_any_shape = compile_openvino(model, settings, output)
    compile_seconds = time.perf_counter() - started
    run_by_shape: dict[tuple[int, ...], Run] = {}
    seconds_by_shape: dict[tuple[int, ...], float] = collections.defaultdict(float)
    lock = threading.Lock()  # a request serves one caller at a time, with all threads

    def run(batch: Array) -> Array:
        shape = batch.shape
        with lock:
            if shape in run_by_shape:
                return run_by_shape[shape](batch)
            if len(run_by_shape) == _FIXED_SHAPES or model.inputs[0].partial_shape.is_static:
                return run_any_shape(batch)
            if seconds_by_shape[shape] >= compile_seconds:
                fixed = model.clone()
                fixed.reshape(shape)
                run_by_shape[shape] = compile_openvino(fixed, settings, output)
                return run_by_shape[shape](batch)
            started = time.perf_counter()
            outputs = run_any_shape(batch)
            seconds_by_shape[shape] += time.perf_counter() - started
            return outputs

    return run


def _xml_file(path: Path) -> Path:
    return path if path.suffix == ".xml" else path / OPENVINO_MODEL
