"""Writes ONNX files, with named input and output, dynamic batch and metadata in the file.

`writer` writes networks whose layers all have rules; tf2onnx converts the others.
"""

from __future__ import annotations

import collections
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kerascnn.errors import MismatchError
from kerascnn.exporting.common.network import Network, refuse_large_weights
from kerascnn.exporting.common.options import ExportOptions, Job
from kerascnn.exporting.onnx import quantize
from kerascnn.exporting.onnx.graph import NotCovered
from kerascnn.exporting.onnx.preprocessing import Prologue
from kerascnn.exporting.onnx.tf2onnx_limits import inconvertible
from kerascnn.exporting.onnx.tf2onnx_shims import optimise_in_place
from kerascnn.exporting.onnx.writer import first_without_rule, write_graph
from kerascnn.runtimes.contract import INPUT, OUTPUT
from kerascnn.runtimes.quiet import quiet_logger

_TF2ONNX_LAST_OPSET = 18
"""The newest operator set of tf2onnx 1.17."""


def check(network: Network, options: ExportOptions) -> None:
    """Refuses a network that cannot be written, before any conversion.

    Raises:
        MismatchError: ONNX or the converter has no operator for some layers. The message names
            them and what to use instead.
    """
    refuse_large_weights(network, "ONNX")
    layer = first_without_rule(network.model)
    if layer is None:
        return
    problems = inconvertible(network.model)
    if problems:
        more = f" and {len(problems) - 2} more" if len(problems) > 2 else ""
        raise MismatchError(
            f"ONNX cannot express {'; '.join(problems[:2])}{more}; "
            'or export with formats=("savedmodel",)'
        )
    if options.opset > _TF2ONNX_LAST_OPSET or options.preprocess:
        option = "preprocess" if options.preprocess else f"opset {options.opset}"
        raise MismatchError(
            f"{option} needs layers that kerascnn writes itself, but {layer} is not among them; "
            f"tf2onnx converts this model to opset 13 to {_TF2ONNX_LAST_OPSET} without "
            "preprocessing"
        )


def write(job: Job, path: Path) -> dict[str, Any]:
    """Writes one self-contained file, and returns further fields of its report.

    Raises:
        MismatchError: ONNX has no operator for an operation of the network, or an int8 file loses
            more accuracy than `max_drop`.
    """
    model = convert(job.network, job.options, job.preprocessing)
    _require_standard(model, job.options.opset)
    results: dict[str, Any] = {"opset": job.options.opset}
    if job.precision == "float16":
        model = quantize.to_float16(model)
    elif job.precision == "int8":
        model, int8_results = quantize.to_int8(model, job, path)
        results |= int8_results
    _name(model, job.network)
    _save(model, path, job.metadata)
    return {**results, "nodes": nodes_of(model)}


def convert(network: Network, options: ExportOptions, preprocessing: Any = None) -> Any:
    """Returns the `onnx.ModelProto` of a network, in float32.

    Args:
        network: prepared for export.
        options: of the export.
        preprocessing: of the model; needed for `options.preprocess`.

    Raises:
        MismatchError: ONNX has no operator for a layer, or for the preprocessing.
        UsageError: the operator set is too old for the preprocessing.
    """
    prologue = Prologue.of(preprocessing, options) if options.preprocess else None
    try:
        return write_graph(network, options.opset, options.layout, prologue)
    except NotCovered as reason:
        if prologue is not None or options.opset > _TF2ONNX_LAST_OPSET:
            raise MismatchError(f"ONNX has no rule for {reason}; try opset 17") from reason
    return _through_tf2onnx(network, options)


def nodes_of(model: Any) -> dict[str, int]:
    """Returns the number of nodes of each operator in a graph, the most frequent first."""
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
    # Both log what cannot be converted at level ERROR; `write` raises it as one line.
    with quiet_logger("tf2onnx", logging.CRITICAL), quiet_logger("tensorflow", logging.ERROR):
        try:
            with optimise_in_place():
                return tf2onnx.convert.from_function(function, **arguments)[0]
        except Exception:
            # An optimisation pass failed; with copies, tf2onnx skips that pass.
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
    """Raises MismatchError when a graph has operators that are not ONNX's own."""
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
    """Names the graph and its dimensions, and removes traces of the converter."""
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
            if not dimension.HasField("dim_value") and not _is_named(dimension):
                dimension.dim_param = name


def _is_named(dimension: Any) -> bool:
    """Tells whether a dimension has a name that is not one of tf2onnx's placeholders."""
    return bool(dimension.dim_param) and not dimension.dim_param.startswith("unk__")
