"""Moves a Keras model into ONNX Runtime or OpenVINO, in memory."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kerascnn.errors import MismatchError
from kerascnn.exporting.common import equivalence
from kerascnn.exporting.common.network import prepare
from kerascnn.exporting.common.options import ExportOptions
from kerascnn.exporting.onnx import format
from kerascnn.exporting.onnx.writer import first_without_rule
from kerascnn.inference.classifier import Classifier
from kerascnn.inference.open_artifact import classifier_of
from kerascnn.lazy import np
from kerascnn.models.signature import gives_logits
from kerascnn.runtimes import onnx

if TYPE_CHECKING:
    import numpy as np


def convert_model(network: Classifier, *, runtime: str, threads: int | None = None) -> Classifier:
    """Converts a Keras model to another runtime, and compares the outputs for 12 random images.

    Args:
        network: has a Keras model. Only layers that kerascnn itself writes as ONNX are converted:
            that takes less time than compiling the model in TensorFlow.
        runtime: "onnxruntime" or "openvino".
        threads: to compute with; None uses all processors.

    Raises:
        MismatchError: a layer has no rule, or the outputs differ.
        UsageError: Keras does not run on TensorFlow.
    """
    prepared = prepare(network.model)
    layer = first_without_rule(prepared.model)
    if layer is not None:
        raise MismatchError(
            f"{layer} of {network.name} cannot be written directly as ONNX; choose "
            'runtime="tensorflow"'
        )
    model = format.convert(prepared, ExportOptions())
    artifact = onnx.load_model(
        model, network.name, runtime=runtime, threads=threads, before_softmax=True
    )
    logits = bool(artifact.logits) or gives_logits(prepared.model)
    converted = classifier_of(replace(artifact, usual_layout="nhwc", logits=logits), network.name)
    tolerance = equivalence.TOLERANCE
    reference = equivalence.compute_reference(prepared, network.preprocessing, None, tolerance)
    softmax_left_out = converted.logits and equivalence.are_probabilities(reference.outputs)

    def run(batch: np.ndarray) -> np.ndarray:
        if softmax_left_out:
            return np.exp(converted.log_probabilities(batch))
        return converted.scores(batch)

    equivalence.compare(runtime, run, reference, equivalence.limits_of("float32", tolerance))
    return replace(
        network,
        scores=converted.scores,
        logits=converted.logits,
        runtime=runtime,
        compile_bfloat16=converted.compile_bfloat16,
    )
