"""ONNX files and graphs in onnxruntime itself, without our own code, and what they are made of."""

from __future__ import annotations

import collections
import os
from pathlib import Path

import numpy as np

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # read when onnxruntime is imported
import onnx
import onnxruntime


def session_of(path: os.PathLike[str] | str) -> onnxruntime.InferenceSession:
    """Opens a file."""
    return onnxruntime.InferenceSession(Path(path), providers=["CPUExecutionProvider"])


def answers_of(graph: onnx.ModelProto, images: np.ndarray, *, fused: bool = True) -> np.ndarray:
    """Returns the first output of a graph for its input "image".

    Args:
        graph: with its weights.
        images: in the graph's own order of axes.
        fused: whether onnxruntime may join nodes, which rounds elsewhere.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if not fused:
        level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.graph_optimization_level = level
    session = onnxruntime.InferenceSession(
        graph.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"image": images})[0]


def operator_counts(graph: onnx.ModelProto) -> collections.Counter[str]:
    """Returns how often a graph has each operator."""
    return collections.Counter(node.op_type for node in graph.graph.node)
