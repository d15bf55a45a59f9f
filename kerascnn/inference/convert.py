"""Converts an ONNX file to OpenVINO, in memory, for a faster runtime."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from kerascnn.errors import MismatchError
from kerascnn.inference.classifier import Classifier
from kerascnn.inference.open_artifact import _TOLERANCE, _of_onnx
from kerascnn.lazy import np

if TYPE_CHECKING:
    import numpy as np


def converted(network: Classifier, *, runtime: str, threads: int | None = None) -> Classifier:
    """Moves a Keras model into another runtime, and compares the two on 12 images.

    Args:
        network: with a Keras model whose layers kerascnn writes as ONNX itself, which takes less
            time than TensorFlow takes to compile it.
        runtime: "onnxruntime" or "openvino".
        threads: to compute with; None for as many as there are processors.

    Raises:
        MismatchError: a layer has no rule, or the answers differ.
        UsageError: Keras does not run on TensorFlow.
    """
    from kerascnn.exporting.common import equivalence
    from kerascnn.exporting.common.network import prepare
    from kerascnn.exporting.common.options import ExportOptions
    from kerascnn.exporting.onnx import format
    from kerascnn.exporting.onnx.writer import uncovered

    prepared = prepare(network.model)
    foreign = uncovered(prepared.model)
    if foreign is not None:
        raise MismatchError(f"{foreign} of {network.name} cannot be written directly")
    model = format.convert(prepared, ExportOptions())
    moved = _of_onnx(model, Path(network.name), {"input": {"layout": "nhwc"}}, runtime, threads)
    questions = equivalence.ask(prepared, network.preprocessing, None, _TOLERANCE)
    cut = moved.logits and equivalence.probabilities(questions.answers)

    def run(batch: np.ndarray) -> np.ndarray:
        return np.exp(moved.log_probabilities(batch)) if cut else moved.scores(batch)

    equivalence.compare(runtime, run, questions, equivalence.limits_of("float32", _TOLERANCE))
    return replace(
        network,
        scores=moved.scores,
        logits=moved.logits,
        runtime=runtime,
        half=moved.half,
    )
