"""Maps that meet in a concatenation take one scale."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, checker, helper, numpy_helper

from kerascnn.exporting.onnx.int8_scales import join_scales
from support.onnx_graphs import answers_of

STEPS = {"image": 1 / 255, "a": 0.004, "b": 0.01, "sum": 0.008}


def joined(zeros):
    """image -> two convolutions with ReLU -> Concat -> convolution, in QuantizeLinear's form."""
    generator = np.random.default_rng(0)
    nodes, entries = [], []

    def constant(name, value):
        entries.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def pair(name):
        how = [
            constant(f"{name}_step", np.float32(STEPS[name])),
            constant(f"{name}_zero", np.uint8(zeros.get(name, 0))),
        ]
        nodes.append(helper.make_node("QuantizeLinear", [name, *how], [f"{name}_q"]))
        nodes.append(helper.make_node("DequantizeLinear", [f"{name}_q", *how], [f"{name}_r"]))

    def convolution(source, kernel, step, name):
        """In float32: kernel x 1/100, and a bias of whole steps of source and kernel."""
        steps = np.full(len(kernel), 0.01, "float32")
        items = [
            constant(f"{name}_k", kernel.astype("int8")),
            constant(f"{name}_ks", steps),
            constant(f"{name}_kz", np.zeros(len(kernel), "int8")),
        ]
        bias = [
            constant(f"{name}_b", np.arange(len(kernel), dtype="int32") * 100),
            constant(f"{name}_bs", steps * np.float32(step)),
            constant(f"{name}_bz", np.zeros(len(kernel), "int32")),
        ]
        for ending, inputs in (("w", items), ("c", bias)):
            nodes.append(helper.make_node("DequantizeLinear", inputs, [f"{name}_{ending}"], axis=0))
        nodes.append(helper.make_node("Conv", [source, f"{name}_w", f"{name}_c"], [f"{name}_y"]))
        return f"{name}_y"

    pair("image")
    for name in "ab":
        kernel = generator.integers(-60, 60, (4, 3, 1, 1))
        built = convolution("image_r", kernel, STEPS["image"], f"conv_{name}")
        nodes.append(helper.make_node("Relu", [built], [name]))
        pair(name)
    nodes.append(helper.make_node("Concat", ["a_r", "b_r"], ["sum"], axis=1))
    pair("sum")
    last = convolution("sum_r", generator.integers(-60, 60, (4, 8, 1, 1)), STEPS["sum"], "last")
    nodes.append(helper.make_node("Identity", [last], ["end"]))
    graph = helper.make_graph(
        nodes,
        "joined",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, 5, 5])],
        [helper.make_tensor_value_info("end", TensorProto.FLOAT, ["n", 4, 5, 5])],
        entries,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def constants(proto):
    return {entry.name: numpy_helper.to_array(entry) for entry in proto.graph.initializer}


def test_maps_that_are_joined_take_the_widest_scale():
    proto = joined({})
    images = np.random.default_rng(3).random((2, 3, 5, 5), "float32")
    before = answers_of(proto, images)
    join_scales(proto)
    checker.check_model(proto, full_check=True)
    after = constants(proto)
    assert {float(after[f"{name}_step"]) for name in ("a", "b", "sum")} == {np.float32(0.01)}
    assert float(after["image_step"]) == np.float32(1 / 255)
    # What is added stays the same number: 100 steps of 0.008 x 0.01 are 80 of 0.01 x 0.01.
    assert after["last_bs"] == pytest.approx(np.full(4, 0.01 * 0.01), rel=1e-6)
    assert after["last_b"].tolist() == [0, 80, 160, 240]
    # Eight values, each rounded to 0.01 at most twice, times weights of at most 0.6.
    assert np.abs(answers_of(proto, images) - before).max() < 8 * 0.6 * 0.01


def test_maps_with_other_zero_points_keep_their_scales():
    proto = joined({"b": 128})
    before = proto.SerializeToString()
    join_scales(proto)
    assert proto.SerializeToString() == before
