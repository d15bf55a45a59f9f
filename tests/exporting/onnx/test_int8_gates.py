"""Hard sigmoids between integers, computed in integers."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, checker, helper, numpy_helper

from kerascnn.exporting.onnx.int8_gates import gates_in_integers
from support.onnx_graphs import answers_of

KERAS = {"alpha": 1 / 6, "beta": 0.5}


def gated(*, scale=0.05, gate_scale=1 / 255, gate_zero=0, **shape):
    """image -> QuantizeLinear's pair -> HardSigmoid -> a pair -> end."""
    entries = {
        "s": np.float32(scale),
        "z": np.uint8(100),
        "t": np.float32(gate_scale),
        "w": np.uint8(gate_zero),
    }
    nodes = [
        helper.make_node("QuantizeLinear", ["image", "s", "z"], ["a"]),
        helper.make_node("DequantizeLinear", ["a", "s", "z"], ["b"]),
        helper.make_node("HardSigmoid", ["b"], ["c"], "gate", **shape),
        helper.make_node("QuantizeLinear", ["c", "t", "w"], ["d"]),
        helper.make_node("DequantizeLinear", ["d", "t", "w"], ["end"]),
    ]
    graph = helper.make_graph(
        nodes,
        "gated",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [256])],
        [helper.make_tensor_value_info("end", TensorProto.FLOAT, [256])],
        [numpy_helper.from_array(value, name) for name, value in entries.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


@pytest.mark.parametrize("largest", [1.0, 0.7])
@pytest.mark.parametrize("scale", [0.004, 0.05, 0.2])
def test_a_hard_sigmoid_of_all_integers(scale, largest):
    """`largest`: the gate's calibrated range, above which all is rounded to it."""
    proto = gated(scale=scale, gate_scale=largest / 255, **KERAS)
    gates_in_integers(proto)
    checker.check_model(proto, full_check=True)
    assert [node.op_type for node in proto.graph.node].count("HardSigmoid") == 0
    image = (np.arange(256) - 100).astype("float32") * np.float32(scale)
    wanted = np.clip((image + 3) / 6, 0, largest)
    assert np.ptp(wanted) > 0.1
    assert np.abs(answers_of(proto, image) - wanted).max() <= 0.501 * largest / 255


@pytest.mark.parametrize(
    ("gate_zero", "shape"), [(3, KERAS), (0, {"alpha": 0.2, "beta": 0.5}), (0, {})]
)
def test_other_gates_stay(gate_zero, shape):
    proto = gated(gate_zero=gate_zero, **shape)
    before = proto.SerializeToString()
    gates_in_integers(proto)
    assert proto.SerializeToString() == before


def test_a_gate_that_something_else_reads_stays():
    proto = gated(**KERAS)
    proto.graph.output.append(helper.make_tensor_value_info("copy", TensorProto.FLOAT, [256]))
    proto.graph.node.append(helper.make_node("Identity", ["c"], ["copy"]))
    before = proto.SerializeToString()
    gates_in_integers(proto)
    assert proto.SerializeToString() == before
