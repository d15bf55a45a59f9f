"""ONNX files of lower precision: float16, and int8 with QuantizeLinear and DequantizeLinear."""

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

CALIBRATED = ("Conv", "Gemm", "MatMul", "ConvTranspose")
"""The operators that are quantised; what lies between them follows where it can."""


def lowered(model: Any, job: Job, path: Path) -> tuple[Any, dict[str, Any]]:
    """Returns a float32 model in the job's precision, and what the report says of it.

    Raises:
        UsageError: int8 without real images.
        MismatchError: int8 that costs more accuracy than `max_drop`.
    """
    if job.precision == "float16":
        return _float16(model), {}
    return _int8(model, job, path)


def _float16(model: Any) -> Any:
    import_onnxruntime()
    from onnxruntime.transformers.float16 import convert_float_to_float16
    from onnxruntime.transformers.onnx_model import OnnxModel

    with quiet_logger("root", logging.ERROR):
        made = convert_float_to_float16(model, keep_io_types=True)
    # It puts its casts behind all other nodes; ONNX wants a node behind those that it reads.
    OnnxModel.graph_topological_sort(made.graph)
    return made


def _int8(model: Any, job: Job, path: Path) -> tuple[Any, dict[str, Any]]:
    """Quantises everything, and leaves more and more in float32 while that costs too much."""
    images = job.calibration
    if not images:
        raise UsageError(
            "int8 is calibrated with real images, and none are at hand; give samples, or export a "
            "run whose data is on this machine"
        )
    before = accuracy(lambda batch: keras_outputs(job.network.model, batch), job.evaluation)
    drops = []
    model = _scaled_by_convolutions(model)
    align_channels(model)
    for excluded in _exclusions(model):
        made = _quantised(model, images, excluded, job.options.calibration, job.options.layout)
        with tempfile.TemporaryDirectory(dir=path.parent) as temporary:
            trial = Path(temporary) / "trial.onnx"
            _with_layout(made, job.metadata)
            trial.write_bytes(made.SerializeToString())
            after = accuracy(open_artifact(trial), job.evaluation)
        found = {"accuracy_before": before, "accuracy_after": after, "left_out": list(excluded)}
        if before is None or after is None or before - after <= job.options.max_drop:
            return made, found
        drops.append(before - after)
    raise MismatchError(
        f"int8 costs {min(drops):.2%} of accuracy on {image_count(job.evaluation)} images "
        f"({before:.2%} in float32), allowed is {job.options.max_drop:.2%}; nothing was written; "
        "try another calibration, more samples, or a larger max_drop"
    )


def _scaled_by_convolutions(model: Any) -> Any:
    """Returns the model with the batch norms of its maps as grouped convolutions of 1 x 1.

    onnxruntime has no batch norm of integers: for each of those that a DenseNet has before its
    convolutions it would turn all values into float32 and back.
    """
    import onnx
    from onnx import helper, numpy_helper

    made = onnx.shape_inference.infer_shapes(model)
    ranks = {one.name: len(one.type.tensor_type.shape.dim) for one in made.graph.value_info}
    weights = {one.name: one for one in made.graph.initializer}
    replaced: list[str] = []
    for node in made.graph.node:
        if node.op_type != "BatchNormalization" or ranks.get(node.input[0]) != 4:
            continue
        replaced += node.input[1:]
        values = (numpy_helper.to_array(weights[name]).astype("float64") for name in node.input[1:])
        scale, bias, mean, variance = values
        epsilon = next((one.f for one in node.attribute if one.name == "epsilon"), 1e-5)
        factor = scale / np.sqrt(variance + epsilon)
        named = {"kernel": factor[:, None, None, None], "offset": bias - mean * factor}
        for name, value in named.items():
            entry = numpy_helper.from_array(value.astype("float32"), f"{node.output[0]}.{name}")
            made.graph.initializer.append(entry)
        inputs = [node.input[0], *(f"{node.output[0]}.{name}" for name in named)]
        node.CopyFrom(
            helper.make_node(
                "Conv", inputs, list(node.output), node.name, kernel_shape=[1, 1], group=len(factor)
            )
        )
    still = {name for node in made.graph.node for name in node.input}
    for name in set(replaced) - still:
        made.graph.initializer.remove(weights[name])
    return made


def _exclusions(model: Any) -> Iterator[tuple[str, ...]]:
    """Yields what stays in float32: nothing, the first and last layer, grouped filters too.

    The first sees the image and the last decides; grouped filters have few weights, whose
    channels differ most in range.
    """
    weighted = [node for node in model.graph.node if node.op_type in CALIBRATED]
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


def _quantised(
    model: Any, images: Sequence[Any], excluded: Sequence[str], calibration: str, layout: str
) -> Any:
    import_onnxruntime()
    import onnx
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(quantization.CalibrationDataReader):
        def __init__(self) -> None:
            self.left = iter(images)

        def get_next(self) -> dict[str, Any] | None:
            image = next(self.left, None)
            if image is None:
                return None
            batch = image[None]
            return {INPUT: batch.transpose(0, 3, 1, 2) if layout == "nchw" else batch}

    softmax = [node.name for node in model.graph.node if node.op_type == "Softmax"]
    methods = {
        "minmax": quantization.CalibrationMethod.MinMax,
        "entropy": quantization.CalibrationMethod.Entropy,
        "percentile": quantization.CalibrationMethod.Percentile,
    }
    said = contextlib.redirect_stdout(io.StringIO())  # it prints its histograms' sizes
    with tempfile.TemporaryDirectory() as temporary, quiet_logger("root", logging.ERROR), said:
        plain, ready, result = (f"{temporary}/{name}.onnx" for name in ("plain", "ready", "int8"))
        # As a file: of a model in memory it takes the ends of every Slice away (onnxruntime 1.31).
        onnx.save(model, plain)
        quant_pre_process(plain, ready, skip_symbolic_shape=True)
        quantization.quantize_static(
            ready,
            result,
            Reader(),
            quant_format=quantization.QuantFormat.QDQ,
            per_channel=True,
            # Unsigned activations and signed weights: what VNNI multiplies.
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            # In eight bits a softmax knows no probability between 0 and 1/255.
            nodes_to_exclude=[*excluded, *softmax],
            calibrate_method=methods[calibration],
        )
        made = onnx.load(result)
    join_scales(made)
    gates_in_integers(made)
    return made


def _with_layout(model: Any, metadata: Any) -> None:
    """Tells `open_artifact` of a trial the order of axes, as the finished file does."""
    import onnx

    onnx.helper.set_model_props(model, {"input": json.dumps(metadata["input"])})
