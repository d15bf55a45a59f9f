"""ONNX: named input and output, dynamic batch, metadata inside the file.

Networks of known layers are written by `onnx_writer`; tf2onnx converts the others.
"""

from __future__ import annotations

import collections
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kerascnn.errors import MismatchError
from kerascnn.exporting.common.network import Network
from kerascnn.exporting.common.options import ExportOptions, Job
from kerascnn.exporting.onnx.graph import NotCovered
from kerascnn.exporting.onnx.tf2onnx_limits import inconvertible
from kerascnn.exporting.onnx.tf2onnx_shims import optimise_in_place
from kerascnn.runtimes.contract import INPUT, OUTPUT
from kerascnn.runtimes.quiet import quiet_logger

_LARGEST = 2**31 - 2**20
# tf2onnx 1.17 has no newer one.
_LAST_OF_TF2ONNX = 18


def check(network: Network, options: ExportOptions) -> None:
    """Refuses, before any conversion, a network that ONNX or the converter cannot express.

    Raises:
        MismatchError: naming the layers and what to use instead.
    """
    if network.parameter_bytes > _LARGEST:
        raise MismatchError(
            f"the weights take {network.parameter_bytes / 2**30:.1f} GiB, one ONNX file holds less "
            'than 2; export it with formats=("savedmodel",)'
        )
    from kerascnn.exporting.onnx.writer import first_without_rule

    foreign = first_without_rule(network.model)
    if foreign is None:
        return
    found = inconvertible(network.model)
    if found:
        more = f" and {len(found) - 2} more" if len(found) > 2 else ""
        raise MismatchError(
            f"ONNX cannot express {'; '.join(found[:2])}{more}; "
            'or export with formats=("savedmodel",)'
        )
    if options.opset > _LAST_OF_TF2ONNX or options.preprocess:
        what = "preprocess" if options.preprocess else f"opset {options.opset}"
        raise MismatchError(
            f"{what} needs layers that kerascnn writes itself, and {foreign} is none; tf2onnx "
            f"converts this model to opset 13 to {_LAST_OF_TF2ONNX} without preprocessing"
        )


def write(job: Job, path: Path) -> dict[str, Any]:
    """Writes one self-contained file, and returns what the report says of it.

    Raises:
        MismatchError: an operation of the network has no ONNX counterpart, or an int8 file is less
            accurate than asked for.
    """
    model = convert(job.network, job.options, job.preprocessing)
    _require_standard(model, job.options.opset)
    found: dict[str, Any] = {"opset": job.options.opset}
    if job.precision != "float32":
        from kerascnn.exporting.onnx import quantize

        model, more = quantize.lowered(model, job, path)
        found.update(more)
    _name(model, job.network)
    _save(model, path, job.metadata)
    return {**found, "nodes": nodes_of(model)}


def convert(network: Network, options: ExportOptions, preprocessing: Any = None) -> Any:
    """Returns the `onnx.ModelProto` of the network."""
    from kerascnn.exporting.onnx.writer import write_graph

    prologue = None
    if options.preprocess:
        from kerascnn.exporting.onnx.preprocessing import Prologue

        prologue = Prologue.of(preprocessing, options)
    try:
        return write_graph(network, options.opset, options.layout, prologue)
    except NotCovered as reason:
        if prologue is not None or options.opset > _LAST_OF_TF2ONNX:
            raise MismatchError(f"ONNX has no rule for {reason}; try opset 17") from reason
    return _through_tf2onnx(network, options)


def nodes_of(model: Any) -> dict[str, int]:
    """Returns how many nodes of each kind a graph has, the most frequent first."""
    counts = collections.Counter(node.op_type for node in model.graph.node)
    return dict(counts.most_common())


def _through_tf2onnx(network: Network, options: ExportOptions) -> Any:
    import tf2onnx

    function = network.function
    arguments = {"input_signature": function.input_signature, "opset": options.opset}
    if options.layout == "nchw":
        arguments["inputs_as_nchw"] = [INPUT]
        if len(network.model.outputs[0].shape) == 4:
            arguments["outputs_as_nchw"] = [OUTPUT]
    # Both report what cannot be converted at level ERROR; `write` does that in one line.
    with quiet_logger("tf2onnx", logging.CRITICAL), quiet_logger("tensorflow", logging.ERROR):
        try:
            with optimise_in_place():
                return tf2onnx.convert.from_function(function, **arguments)[0]
        except Exception:
            # A pass failed; converting once more with tf2onnx's safety net leaves that pass out.
            return tf2onnx.convert.from_function(function, **arguments)[0]


def _save(model: Any, path: Path, metadata: Mapping[str, Any]) -> None:
    import onnx

    onnx.helper.set_model_props(
        model, {key: json.dumps(value, ensure_ascii=False) for key, value in metadata.items()}
    )
    content = model.SerializeToString()
    try:
        onnx.checker.check_model(content, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        first = str(error).strip().splitlines()[0]
        raise MismatchError(f"the converter wrote an invalid ONNX graph: {first[:250]}") from error
    path.write_bytes(content)


def _require_standard(model: Any, opset: int) -> None:
    """Raises MismatchError when the converter left operations of TensorFlow in the graph."""
    import onnx

    foreign = collections.defaultdict(list)
    for node in model.graph.node:
        if not onnx.defs.has(node.op_type, max_inclusive_version=opset, domain=node.domain):
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
    from kerascnn.version import __version__

    model.producer_name, model.producer_version = "kerascnn", __version__
    model.graph.name, model.graph.doc_string = network.model.name, ""
    used = {node.domain for node in model.graph.node}
    for entry in [entry for entry in model.opset_import if entry.domain not in used]:
        model.opset_import.remove(entry)
    for value, names in (
        (model.graph.input[0], ("batch", "height", "width")),
        (model.graph.output[0], ("batch",)),
    ):
        for dimension, name in zip(value.type.tensor_type.shape.dim, names, strict=False):
            if not dimension.HasField("dim_value") and not named(dimension):
                dimension.dim_param = name


def named(dimension: Any) -> bool:
    """Tells whether a dimension has a name of ours; those of tf2onnx say nothing."""
    return bool(dimension.dim_param) and not dimension.dim_param.startswith("unk__")
