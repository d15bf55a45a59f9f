"""ONNX through tf2onnx: named input and output, dynamic batch, metadata inside the file."""

from __future__ import annotations

import collections
import json
import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascnn.errors import MismatchError
from kerascnn.exporting.network import INPUT, OUTPUT, Network
from kerascnn.exporting.preflight import inconvertible
from kerascnn.exporting.quiet import quiet
from kerascnn.exporting.shims import optimise_in_place
from kerascnn.lazy import np

if TYPE_CHECKING:
    import numpy.typing as npt

NAME = "onnx"
FILE = "model.onnx"
# 18 writes global average pooling as ReduceMean and a Transpose; tf2onnx 1.17 has no 19 and above.
OPSET = 17
_LARGEST = 2**31 - 2**20
_DIMENSIONS = ("batch", "height", "width")


def check(network: Network) -> None:
    """Refuses, before any conversion, a network that ONNX or the converter cannot express.

    Raises:
        MismatchError: naming the layers and what to use instead.
    """
    if network.parameter_bytes > _LARGEST:
        raise MismatchError(
            f"the weights take {network.parameter_bytes / 2**30:.1f} GiB, one ONNX file holds less "
            'than 2; export it with formats=("savedmodel",)'
        )
    found = inconvertible(network.model)
    if found:
        more = f" and {len(found) - 2} more" if len(found) > 2 else ""
        raise MismatchError(
            f"ONNX cannot express {'; '.join(found[:2])}{more}; "
            'or export with formats=("savedmodel",)'
        )


def write(network: Network, path: Path, metadata: Mapping[str, Any]) -> None:
    """Writes one self-contained file.

    Raises:
        MismatchError: an operation of the network has no ONNX counterpart.
    """
    import onnx

    model = convert(network)
    _require_standard(model)
    _name(model, network)
    onnx.helper.set_model_props(
        model, {key: json.dumps(value, ensure_ascii=False) for key, value in metadata.items()}
    )
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        first = str(error).strip().splitlines()[0]
        raise MismatchError(f"the converter wrote an invalid ONNX graph: {first[:250]}") from error
    path.write_bytes(model.SerializeToString())


def convert(network: Network) -> Any:
    """Returns tf2onnx's `onnx.ModelProto` of the network."""
    import tf2onnx

    function = network.function
    arguments = {"input_signature": function.input_signature, "opset": OPSET}
    # Both report what cannot be converted at level ERROR; `write` does that in one line.
    with quiet("tf2onnx", logging.CRITICAL), quiet("tensorflow", logging.ERROR):
        try:
            with optimise_in_place():
                return tf2onnx.convert.from_function(function, **arguments)[0]
        except Exception:
            # A pass failed; converting once more with tf2onnx's safety net leaves that pass out.
            return tf2onnx.convert.from_function(function, **arguments)[0]


def open_runtime(path: Path) -> Callable[[npt.NDArray[Any]], npt.NDArray[Any]]:
    """Loads the file in onnxruntime and returns it as a function of a batch."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # read when onnxruntime is imported
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])

    def run(images: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.asarray(session.run([OUTPUT], {INPUT: images})[0])

    return run


def _require_standard(model: Any) -> None:
    """Raises MismatchError when the converter left operations of TensorFlow in the graph."""
    import onnx

    foreign = collections.defaultdict(list)
    for node in model.graph.node:
        if not onnx.defs.has(node.op_type, max_inclusive_version=OPSET, domain=node.domain):
            foreign[node.op_type].append(node.name)
    if foreign:
        listed = "; ".join(f"{kind} (at {names[0]})" for kind, names in sorted(foreign.items()))
        raise MismatchError(
            f"ONNX has no operator for {listed[:250]}; replace that layer or export with "
            'formats=("savedmodel",)'
        )
    extra = [entry.name for entry in model.graph.input if entry.name != INPUT]
    if extra:
        raise MismatchError(
            f"the converter turned constants into inputs: {', '.join(extra)[:250]}; replace that "
            'layer or export with formats=("savedmodel",)'
        )


def _name(model: Any, network: Network) -> None:
    """Gives graph and dimensions their names and drops what tells of the conversion."""
    from kerascnn import __version__

    model.producer_name, model.producer_version = "kerascnn", __version__
    model.graph.name, model.graph.doc_string = network.model.name, ""
    used = {node.domain for node in model.graph.node}
    for entry in [entry for entry in model.opset_import if entry.domain not in used]:
        model.opset_import.remove(entry)
    for value, names in (
        (model.graph.input[0], _DIMENSIONS),
        (model.graph.output[0], _DIMENSIONS[:1]),
    ):
        for dimension, name in zip(value.type.tensor_type.shape.dim, names, strict=False):
            if not dimension.HasField("dim_value"):
                dimension.dim_param = name
