"""Converts ONNX models to float16, and to int8 with QuantizeLinear and DequantizeLinear."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from kerascnn.errors import MismatchError, UsageError
from kerascnn.exporting.common.network import keras_outputs
from kerascnn.exporting.common.options import Job
from kerascnn.exporting.common.sample_data import accuracy, image_count
from kerascnn.exporting.onnx.int8_channels import align_channels
from kerascnn.exporting.onnx.int8_gates import gates_in_integers
from kerascnn.exporting.onnx.int8_scales import join_scales
from kerascnn.lazy import np
from kerascnn.runtimes.contract import INPUT
from kerascnn.runtimes.onnx import open_artifact
from kerascnn.runtimes.quiet import quiet_logger
from kerascnn.runtimes.telemetry import import_onnxruntime

_QUANTIZED = ("Conv", "Gemm", "MatMul", "ConvTranspose")
"""The operators with int8 weights; those between them are quantized if onnxruntime supports it."""


def to_float16(model: Any) -> Any:
    """Returns a float32 model with weights and activations in float16."""
    import_onnxruntime()
    from onnxruntime.transformers.float16 import convert_float_to_float16
    from onnxruntime.transformers.onnx_model import OnnxModel

    with quiet_logger("root", logging.ERROR):
        converted = convert_float_to_float16(model, keep_io_types=True)
    # The new Cast nodes are at the end; ONNX requires a node after those whose outputs it reads.
    OnnxModel.graph_topological_sort(converted.graph)
    return converted


def to_int8(model: Any, job: Job, path: Path) -> tuple[Any, dict[str, Any]]:
    """Returns a float32 model in int8, and further fields of its report.

    All layers are quantized first; more and more stay in float32 while the accuracy drops too much.

    Args:
        model: an `onnx.ModelProto`, which is changed.
        job: gives the calibration images, the evaluation data and the options.
        path: of the artifact; trial files are written beside it.

    Raises:
        UsageError: there are no real images.
        MismatchError: the accuracy drops by more than `max_drop`.
    """
    import onnx

    if not job.calibration:
        raise UsageError(
            "int8 is calibrated with real images, and there are none; give samples, or export a "
            "run whose data is on this machine"
        )
    before = accuracy(lambda batch: keras_outputs(job.network.model, batch), job.evaluation)
    drops = []
    model = _batch_norms_as_convolutions(model)
    align_channels(model)
    for excluded in _exclusions(model):
        quantized = _quantized(model, job, excluded)
        with tempfile.TemporaryDirectory(dir=path.parent) as temporary:
            trial = Path(temporary) / "trial.onnx"
            # `open_artifact` reads the layout from the metadata.
            metadata = {"input": json.dumps(job.metadata["input"])}
            onnx.helper.set_model_props(quantized, metadata)
            trial.write_bytes(quantized.SerializeToString())
            after = accuracy(open_artifact(trial), job.evaluation)
        if before is None or after is None or before - after <= job.options.max_drop:
            results = {"accuracy_before": before, "accuracy_after": after}
            return quantized, {**results, "left_out": list(excluded)}
        drops.append(before - after)
    raise MismatchError(
        f"int8 costs {min(drops):.2%} of accuracy on {image_count(job.evaluation)} images "
        f"({before:.2%} in float32), allowed is {job.options.max_drop:.2%}; nothing was written; "
        "try another calibration, more samples, or a larger max_drop"
    )


def _batch_norms_as_convolutions(model: Any) -> Any:
    """Returns a model whose batch normalisations of maps are grouped 1 x 1 convolutions.

    onnxruntime has no integer batch normalisation. For those before the convolutions of a DenseNet
    it would convert all values to float32 and back.
    """
    import onnx

    inferred = onnx.shape_inference.infer_shapes(model)
    graph = inferred.graph
    ranks = {entry.name: len(entry.type.tensor_type.shape.dim) for entry in graph.value_info}
    weights = {entry.name: entry for entry in graph.initializer}
    replaced: list[str] = []
    for node in graph.node:
        if node.op_type != "BatchNormalization" or ranks.get(node.input[0]) != 4:
            continue
        replaced += node.input[1:]
        scale, bias, mean, variance = (
            onnx.numpy_helper.to_array(weights[name]).astype("float64") for name in node.input[1:]
        )
        epsilon = next((entry.f for entry in node.attribute if entry.name == "epsilon"), 1e-5)
        factor = scale / np.sqrt(variance + epsilon)
        values = {"kernel": factor[:, None, None, None], "offset": bias - mean * factor}
        for name, value in values.items():
            entry = onnx.numpy_helper.from_array(
                value.astype("float32"), f"{node.output[0]}.{name}"
            )
            graph.initializer.append(entry)
        inputs = [node.input[0], *(f"{node.output[0]}.{name}" for name in values)]
        node.CopyFrom(
            onnx.helper.make_node(
                "Conv", inputs, list(node.output), node.name, kernel_shape=[1, 1], group=len(factor)
            )
        )
    read = {name for node in graph.node for name in node.input}
    for name in set(replaced) - read:
        graph.initializer.remove(weights[name])
    return inferred


def _exclusions(model: Any) -> Iterator[tuple[str, ...]]:
    """Yields the nodes that stay in float32: none; the first and the last; grouped ones too.

    Errors in the first and the last layer affect the output most. In grouped convolutions the
    ranges of the channels differ most.
    """
    weighted = [node for node in model.graph.node if node.op_type in _QUANTIZED]
    ends = tuple(dict.fromkeys((weighted[0].name, weighted[-1].name)))
    grouped = tuple(
        node.name
        for node in weighted
        if any(entry.name == "group" and entry.i > 1 for entry in node.attribute)
    )
    yield ()
    yield ends
    if set(grouped) - set(ends):
        yield tuple(dict.fromkeys((*ends, *grouped)))


def _quantized(model: Any, job: Job, excluded: Sequence[str]) -> Any:
    """Returns a float32 model in int8, except for the nodes in `excluded`."""
    import_onnxruntime()
    import onnx
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(quantization.CalibrationDataReader):
        def __init__(self) -> None:
            self._images = iter(job.calibration)

        def get_next(self) -> dict[str, Any] | None:
            image = next(self._images, None)
            if image is None:
                return None
            batch = image[None]
            channels_first = job.options.layout == "nchw"
            return {INPUT: batch.transpose(0, 3, 1, 2) if channels_first else batch}

    softmax = [node.name for node in model.graph.node if node.op_type == "Softmax"]
    methods = {
        "minmax": quantization.CalibrationMethod.MinMax,
        "entropy": quantization.CalibrationMethod.Entropy,
        "percentile": quantization.CalibrationMethod.Percentile,
    }
    with (
        tempfile.TemporaryDirectory() as temporary,
        quiet_logger("root", logging.ERROR),
        contextlib.redirect_stdout(io.StringIO()),  # it prints the sizes of histograms
    ):
        float32, prepared, int8 = (
            f"{temporary}/{name}.onnx" for name in ("float32", "prepared", "int8")
        )
        # From memory, the ends of every Slice would be lost (onnxruntime 1.31).
        onnx.save(model, float32)
        quant_pre_process(float32, prepared, skip_symbolic_shape=True)
        quantization.quantize_static(
            prepared,
            int8,
            Reader(),
            quant_format=quantization.QuantFormat.QDQ,
            per_channel=True,
            # VNNI instructions multiply unsigned activations by signed weights.
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            # In 8 bits, the smallest probability of a softmax above 0 would be 1/255.
            nodes_to_exclude=[*excluded, *softmax],
            calibrate_method=methods[job.options.calibration],
        )
        quantized = onnx.load(int8)
    join_scales(quantized)
    gates_in_integers(quantized)
    return quantized
