"""An int8 file for OpenVINO: swish in float32 between convolutions of integers, as in NumPy."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from onnx import TensorProto, checker, helper, numpy_helper

from kerascnn.inference.open_artifact import open_artifact
from kerascnn.runtimes.openvino_graphs import float_activations
from support.onnx_graphs import answers_of

GENERATOR = np.random.default_rng(0)
FIRST, SECOND = (GENERATOR.normal(size=(4, 4)).astype("float32") for _ in range(2))
STEPS = {"image": 1 / 255, "a": 0.06, "gate": 1 / 256, "b": 0.04, "last": 0.02}
ZEROS = {"image": 0, "a": 128, "gate": 0, "b": 10, "last": 128}


def rounded(values, name):
    """What QuantizeLinear and DequantizeLinear make of values."""
    whole = np.clip(np.rint(values / np.float32(STEPS[name])) + ZEROS[name], 0, 255)
    return ((whole - ZEROS[name]) * np.float32(STEPS[name])).astype("float32")


def graph(*, residual: bool = False):
    """1x1 convolution, swish, 1x1 convolution, mean, with a pair behind each but the last."""
    nodes, entries = [], []

    def pair(name):
        entries.append(numpy_helper.from_array(np.float32(STEPS[name]), f"{name}_step"))
        entries.append(numpy_helper.from_array(np.uint8(ZEROS[name]), f"{name}_zero"))
        how = [f"{name}_step", f"{name}_zero"]
        nodes.append(helper.make_node("QuantizeLinear", [name, *how], [f"{name}_q"]))
        nodes.append(helper.make_node("DequantizeLinear", [f"{name}_q", *how], [f"{name}_r"]))

    for name, kernel in (("first", FIRST), ("second", SECOND)):
        entries.append(numpy_helper.from_array(kernel[:, :, None, None], name))
    pair("image")
    nodes.append(helper.make_node("Conv", ["image_r", "first"], ["a"]))
    pair("a")
    nodes.append(helper.make_node("Sigmoid", ["a_r"], ["gate"]))
    pair("gate")
    nodes.append(helper.make_node("Mul", ["a_r", "gate_r"], ["b"]))
    pair("b")
    nodes.append(helper.make_node("Conv", ["b_r", "second"], ["last"]))
    pair("last")
    end = "last_r"
    if residual:
        nodes.append(helper.make_node("Add", ["last_r", "a_r"], ["sum"]))
        end = "sum"
    nodes.append(helper.make_node("GlobalAveragePool", [end], ["mean"]))
    nodes.append(helper.make_node("Flatten", ["mean"], ["predictions"]))
    model = helper.make_model(
        helper.make_graph(
            nodes,
            "swish",
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 4, 8, 8])],
            [helper.make_tensor_value_info("predictions", TensorProto.FLOAT, ["n", 4])],
            entries,
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    checker.check_model(model)
    return model


def expected(images, *, pairs):
    """The answer, with the values rounded that `pairs` names."""

    def maybe(values, name):
        return rounded(values, name) if name in pairs else values

    a = maybe(np.einsum("oi,nihw->nohw", FIRST, rounded(images, "image")), "a")
    gate = maybe(1 / (1 + np.exp(-a)), "gate")
    last = np.einsum("oi,nihw->nohw", SECOND, rounded(a * gate, "b"))
    return rounded(last, "last").mean((2, 3)), a.mean((2, 3))


@pytest.fixture
def images():
    return np.random.default_rng(1).random((3, 4, 8, 8), "float32")


def test_pairs_before_activations_go_and_all_others_stay(images):
    model = graph()
    whole, _ = expected(images, pairs=("a", "gate"))
    np.testing.assert_allclose(answers_of(model, images, fused=False), whole, atol=2e-4)
    float_activations(model.graph)
    checker.check_model(model)
    kinds = [node.op_type for node in model.graph.node]
    assert kinds.count("QuantizeLinear") == kinds.count("DequantizeLinear") == 3
    finer, _ = expected(images, pairs=())
    assert np.abs(finer - whole).max() > 2e-3  # or nothing could be told apart
    np.testing.assert_allclose(answers_of(model, images, fused=False), finer, atol=2e-4)


def test_a_pair_that_a_sum_reads_too_stays(images):
    model = graph(residual=True)
    float_activations(model.graph)
    kinds = [node.op_type for node in model.graph.node]
    assert kinds.count("DequantizeLinear") == 4  # only the gate's went
    last, a = expected(images, pairs=("a",))
    np.testing.assert_allclose(answers_of(model, images, fused=False), last + a, atol=2e-4)


def test_a_pair_that_divides_stays(images):
    """As that of a hard gate: rounded in one scale, read in a sixth of it."""
    model = graph()
    (read,) = (node for node in model.graph.node if list(node.output) == ["gate_r"])
    read.input[1] = "sixth"
    sixth = np.float32(STEPS["gate"] / 6)
    model.graph.initializer.append(numpy_helper.from_array(sixth, "sixth"))
    float_activations(model.graph)
    kinds = [node.op_type for node in model.graph.node]
    assert kinds.count("DequantizeLinear") == 4  # only that of "a" went
    a = np.einsum("oi,nihw->nohw", FIRST, rounded(images, "image"))
    gate = rounded(1 / (1 + np.exp(-a)), "gate") / 6
    last = rounded(np.einsum("oi,nihw->nohw", SECOND, rounded(a * gate, "b")), "last")
    np.testing.assert_allclose(answers_of(model, images, fused=False), last.mean((2, 3)), atol=2e-4)


@pytest.mark.skipif(not importlib.util.find_spec("openvino"), reason="OpenVINO is an extra")
def test_openvino_answers_with_swish_in_float32(images, tmp_path):
    path = tmp_path / "model.onnx"
    model = graph()
    helper.set_model_props(model, {"input": '{"layout": "nchw"}'})
    path.write_bytes(model.SerializeToString())
    network = open_artifact(path, runtime="openvino")
    finer, _ = expected(images, pairs=())
    whole, _ = expected(images, pairs=("a", "gate"))
    got = network.scores(np.moveaxis(images, 1, -1))
    assert np.abs(got - finer).max() < np.abs(got - whole).max() / 3
