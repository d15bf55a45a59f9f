"""ONNX files of others as classifiers, and what is refused: weights elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn.errors import (
    UnsafeFileError,
)
from kerascnn.inference.open_classifier import open_classifier


def foreign(path, *, external=None, softmax=False):
    """Writes an ONNX file as another zoo would: channels first, logits, no metadata."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    kernel = np.random.default_rng(2).normal(size=(24, 6)).astype("float32")
    weights = numpy_helper.from_array(kernel, "kernel")
    if external is not None:
        weights.ClearField("raw_data")
        weights.data_location = TensorProto.EXTERNAL
        weights.external_data.add(key="location", value=external)
    nodes = [
        helper.make_node("Flatten", ["x"], ["flat"], axis=1),
        helper.make_node("MatMul", ["flat", "kernel"], ["y"]),
        *([helper.make_node("Softmax", ["y"], ["z"])] if softmax else []),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 2, 4])],
        [helper.make_tensor_value_info("z" if softmax else "y", TensorProto.FLOAT, ["n", 6])],
        [weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    assert onnx.load_model_from_string(path.read_bytes())
    return kernel


@pytest.mark.parametrize("softmax", [False, True])
def test_a_file_of_another_zoo(tmp_path, softmax):
    kernel = foreign(tmp_path / "f.onnx", softmax=softmax)
    network = open_classifier(tmp_path / "f.onnx")
    assert network.image_shape == (2, 4, 3)
    assert network.classes == 6
    batch = np.random.default_rng(0).normal(size=(3, 2, 4, 3)).astype("float32") * 50
    scores = np.moveaxis(batch, -1, 1).reshape(3, -1).astype(float) @ kernel
    exact = scores - scores.max(axis=1, keepdims=True)
    exact -= np.log(np.exp(exact).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(network.log_probabilities(batch), exact, atol=1e-2, rtol=1e-5)
    assert exact.min() < -150  # which no probability of float32 could tell


def test_weights_in_other_files_are_refused(tmp_path):
    foreign(tmp_path / "f.onnx", external="../../etc/hostname")
    with pytest.raises(UnsafeFileError, match="other files"):
        open_classifier(tmp_path / "f.onnx")
