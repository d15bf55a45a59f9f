"""The runtimes and precisions in which a predictor may run a network, besides the current ones."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path

from kerascnn.exporting.formats import FORMATS
from kerascnn.inference.classifier import Classifier
from kerascnn.inference.convert import convert_model
from kerascnn.inference.open_classifier import open_classifier
from kerascnn.inference.runtime_trial import Candidate

INT8 = FORMATS["onnx-int8"].file
"""The int8 file in an export directory."""


def runtime_candidates(
    network: Classifier, runtime: str, artifact: Path | None, threads: int | None
) -> list[Candidate]:
    """Returns the network in onnxruntime, when it runs in OpenVINO by the choice "auto".

    A network that runs in onnxruntime by that choice cannot run in OpenVINO, which is not
    installed or cannot read it.

    Args:
        network: that the predictor runs now.
        runtime: that the caller has chosen.
        artifact: the file of the network, or None for a Keras model.
        threads: to compute with; None uses all processors.
    """
    onnx = _onnx_file(artifact)
    if runtime != "auto" or network.runtime != "openvino" or not (onnx or network.model):
        return []
    if onnx:
        make = functools.partial(open_classifier, onnx, runtime="onnxruntime", threads=threads)
    else:
        make = functools.partial(convert_model, network, runtime="onnxruntime", threads=threads)
    return [Candidate("float32", "onnxruntime", make)]


def precision_candidates(
    network: Classifier,
    runtimes: list[str],
    path: Path | None,
    artifact: Path | None,
    threads: int | None,
) -> list[Candidate]:
    """Returns the network in bfloat16, and the int8 file of its export in each runtime.

    Args:
        network: that the predictor runs now.
        runtimes: to run the int8 file in.
        path: that the caller has opened, which may be an export directory; None for a model.
        artifact: the file of the network, or None for a Keras model.
        threads: to compute with; None uses all processors.
    """
    candidates = []
    if network.compile_bfloat16 is not None:
        make = functools.partial(_in_bfloat16, network)
        candidates.append(Candidate("bfloat16", network.runtime, make))
    onnx = _onnx_file(artifact)
    int8 = path / INT8 if path is not None and onnx and path != onnx else None
    if int8 is not None and int8.exists():
        for runtime in runtimes:
            make = functools.partial(open_classifier, int8, runtime=runtime, threads=threads)
            candidates.append(Candidate("int8", runtime, make))
    return candidates


def _onnx_file(artifact: Path | None) -> Path | None:
    return artifact if artifact is not None and artifact.suffix == ".onnx" else None


def _in_bfloat16(network: Classifier) -> Classifier:
    assert network.compile_bfloat16 is not None  # a condition of the candidate
    return replace(network, scores=network.compile_bfloat16())
