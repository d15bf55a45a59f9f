"""Opens ONNX files, in ONNX Runtime or OpenVINO."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascnn.errors import UnsafeFileError, UsageError
from kerascnn.fileio.untrusted import named, open_regular, reading
from kerascnn.lazy import np
from kerascnn.runtimes import openvino
from kerascnn.runtimes.artifact import Artifact, require_one_image_input
from kerascnn.runtimes.available import processor_count, require
from kerascnn.runtimes.metadata import LARGEST_FILE, METADATA_KEYS, parse_metadata
from kerascnn.runtimes.openvino_graphs import float_activations
from kerascnn.runtimes.telemetry import import_onnxruntime

if TYPE_CHECKING:
    from kerascnn.runtimes.artifact import Array

ONNX_RUNTIMES = ("openvino", "onnxruntime")
"""The runtimes that read ONNX files."""
_TYPES = {"tensor(float)": "float32", "tensor(float16)": "float16", "tensor(uint8)": "uint8"}
_PASSED_ON = ("Identity", "Cast")
"""Operators that may stand between a softmax and the output of a graph."""


def open_artifact(
    path: Path,
    *,
    runtime: str = "onnxruntime",
    threads: int | None = None,
    before_softmax: bool = False,
) -> Artifact:
    """Opens an ONNX file, on the CPU in float32.

    Args:
        path: the file.
        runtime: "onnxruntime" or "openvino".
        threads: to compute with; None uses all processors.
        before_softmax: return the logits when the file ends in a softmax.

    Raises:
        UsageError: the runtime does not read ONNX files, or is not installed.
        UnsafeFileError: its weights lie in other files.
        DamagedFileError: it is truncated or corrupt, or the runtime cannot run it.
        MismatchError: it does not take one batch of images.
    """
    if runtime not in ONNX_RUNTIMES:
        raise UsageError(f"{runtime} reads no ONNX file; choose {' or '.join(ONNX_RUNTIMES)}")
    model = read_model(path)
    metadata = _metadata_of(model, path)
    artifact = load_model(
        model, named(path), runtime=runtime, threads=threads, before_softmax=before_softmax
    )
    return replace(artifact, metadata=metadata)


def read_model(path: Path) -> Any:
    """Returns the `onnx.ModelProto` of a file; nothing is run, and no other file is read.

    Raises:
        UnsafeFileError: its weights lie in other files.
        DamagedFileError: it is truncated or corrupt.
    """
    import onnx

    with open_regular(path, limit=LARGEST_FILE) as stream:
        content = stream.read()
    with reading(f"{named(path)} is no complete ONNX file"):
        model = onnx.load_model_from_string(content)
    refuse_external_data(model, named(path))
    return model


def read_metadata(path: Path) -> dict[str, Any]:
    """Returns the metadata of an ONNX file, without loading it into a runtime.

    Raises: as `read_model`.
    """
    return _metadata_of(read_model(path), path)


def load_model(
    model: Any,
    name: str,
    *,
    runtime: str,
    threads: int | None = None,
    before_softmax: bool = False,
) -> Artifact:
    """Loads an `onnx.ModelProto` in a runtime; may change the graph in place.

    Args:
        model: whose weights are inside.
        name: of the model, for messages.
        runtime: "onnxruntime" or "openvino".
        threads: to compute with; None uses all processors.
        before_softmax: return the logits when the graph ends in a softmax.

    Raises: as `open_artifact`.
    """
    import onnx

    require(runtime)
    logits = softmax_input(model.graph) if before_softmax else None
    if logits is not None:
        model.graph.output.append(onnx.ValueInfoProto(name=logits))
    if runtime == "openvino":
        float_activations(model.graph)
    content = model.SerializeToString()
    load = openvino.load if runtime == "openvino" else _load_onnxruntime
    with reading(f"{name} cannot be run by {runtime}"):
        artifact = load(content, logits, threads)
    return replace(artifact, logits=None if logits is None else True)


def refuse_external_data(model: Any, name: str) -> None:
    """Raises UnsafeFileError when a tensor of an `onnx.ModelProto` lies in another file.

    The path of that file may be any on this machine. Subgraphs and functions are searched too.
    """
    import onnx

    for tensor in _tensors(model):
        if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
            raise UnsafeFileError(
                f"{name} keeps its weights in other files, which is refused; store them inside: "
                "onnx.save(onnx.load(path), new_path)"
            )


def softmax_input(graph: Any) -> str | None:
    """Returns the name of the logits when a graph's first output is a softmax, else None."""
    producers = {output: node for node in graph.node for output in node.output}
    node = producers.get(graph.output[0].name) if graph.output else None
    while node is not None and node.op_type in _PASSED_ON:
        node = producers.get(node.input[0])
    if node is None or node.op_type != "Softmax" or node.domain not in ("", "ai.onnx"):
        return None
    return str(node.input[0])


def _metadata_of(model: Any, path: Path) -> dict[str, Any]:
    with reading(f"the metadata of {named(path)} is damaged"):
        return {
            entry.key: parse_metadata(entry.value, named(path))
            for entry in model.metadata_props
            if entry.key in METADATA_KEYS
        }


def _tensors(model: Any) -> Iterator[Any]:
    """Yields every tensor of a model: of its graph, subgraphs, functions and training graphs."""
    yield from _tensors_of_graph(model.graph)
    for function in model.functions:
        yield from _tensors_of_nodes(function.node)
    for training in model.training_info:
        yield from _tensors_of_graph(training.initialization)
        yield from _tensors_of_graph(training.algorithm)


def _tensors_of_graph(graph: Any) -> Iterator[Any]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    yield from _tensors_of_nodes(graph.node)


def _tensors_of_nodes(nodes: Any) -> Iterator[Any]:
    for node in nodes:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                yield from (sparse.values, sparse.indices)
            subgraphs = [attribute.g] if attribute.HasField("g") else []
            for subgraph in (*subgraphs, *attribute.graphs):
                yield from _tensors_of_graph(subgraph)


def _load_onnxruntime(content: bytes, output: str | None, threads: int | None) -> Artifact:
    """Loads the content of an ONNX file in onnxruntime.

    Args:
        content: of the file.
        output: name of the output to compute; None for the first one.
        threads: to compute with; None uses all processors.
    """
    onnxruntime = import_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads or processor_count()
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    inputs = session.get_inputs()
    require_one_image_input([(entry.name, entry.type, entry.shape) for entry in inputs])
    (image,), outputs = inputs, [output or session.get_outputs()[0].name]

    def run(batch: Array) -> Array:
        return np.asarray(session.run(outputs, {image.name: batch})[0])

    shape = tuple(size if isinstance(size, int) else None for size in image.shape[1:])
    return Artifact("onnxruntime", run, shape, _TYPES.get(image.type, image.type))
