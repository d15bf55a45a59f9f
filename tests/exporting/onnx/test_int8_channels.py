"""What int8 graphs have for onnxruntime's kernels: sixteen channels, one scale where maps meet."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from onnx import TensorProto, checker, helper, numpy_helper

import kerascnn
from kerascnn import layers as own
from kerascnn.exporting.common.network import prepare
from kerascnn.exporting.onnx.int8_channels import align_channels
from kerascnn.exporting.onnx.int8_gates import gates_in_integers
from kerascnn.exporting.onnx.int8_scales import join_scales
from kerascnn.exporting.onnx.writer import write_graph
from kerascnn.runtimes.telemetry import import_onnxruntime
from support.exports import randomised

layers = keras.layers


def answers(proto, images):
    onnxruntime = import_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"image": images})[0]


def aligned(model, side):
    """The graph before and after, and their answers' largest difference."""
    before, after = (write_graph(prepare(randomised(model)), 17) for _ in range(2))
    align_channels(after)
    checker.check_model(after, full_check=True)
    images = np.random.default_rng(2).normal(size=(3, side, side, 3)).astype("float32")
    wanted = answers(before, images)
    assert np.ptp(wanted) > 0.01
    assert np.abs(answers(after, images) - wanted).max() < 2e-5 * np.abs(wanted).max()
    return kernels(before), kernels(after)


def kernels(proto):
    """The shape of each convolution's weights by the node's name."""
    shapes = {entry.name: tuple(entry.dims) for entry in proto.graph.initializer}
    return {node.name: shapes[node.input[1]] for node in proto.graph.node if node.op_type == "Conv"}


@pytest.mark.parametrize(
    "name", ["mobilenet_v3_large", "mobilenet_v2", "efficientnet_b0", "resnet20_cifar"]
)
def test_all_maps_have_sixteens_of_channels_and_the_same_answers(name):
    model = kerascnn.create_model(
        name, input_shape=(64, 64, 3), classes=7, classifier_activation=None
    )
    before, after = aligned(model, 64)
    assert all(shape[0] % 16 == 0 for shape in after.values())
    assert {-(-shape[0] // 16) * 16 for shape in before.values()} == {
        shape[0] for shape in after.values()
    }


def test_what_shufflenet_cuts_and_joins_keeps_its_channels():
    """Of a unit, only the two maps within are nobody else's; a stage of 24, 48 and 96 channels."""
    model = kerascnn.create_model(
        "shufflenet_v2_x0_5", input_shape=(64, 64, 3), classes=7, classifier_activation=None
    )
    before, after = aligned(model, 64)
    assert before["stage2_2_conv1"] == (24, 24, 1, 1)
    assert after["stage2_2_conv1"] == (32, 24, 1, 1)
    assert after["stage2_2_dw"] == (32, 1, 3, 3)
    assert after["stage2_2_conv2"] == (24, 32, 1, 1)


def end(x):
    return layers.Dense(3)(layers.Flatten()(layers.GlobalAveragePooling2D()(x)))


def other_reader(x, how):
    """Something behind the map that counts its channels."""
    if how == "dense":
        return end(x)
    if how == "concat":
        return end(layers.Conv2D(16, 1)(layers.Concatenate()([x, x])))
    if how == "groups":
        return end(layers.Conv2D(16, 1)(layers.Conv2D(20, 1, groups=2)(x)))
    if how == "gated as one":
        gate = layers.Conv2D(1, 1, activation="sigmoid")(x)
        return end(layers.Conv2D(16, 1)(layers.Multiply()([x, gate])))
    if how == "each its own":
        return end(layers.Conv2D(16, 1)(layers.Rescaling([0.1 * k for k in range(20)])(x)))
    return end(layers.Conv2D(16, 1)(own.LocalResponseNormalization()(x)))


@pytest.mark.parametrize(
    "how", ["dense", "concat", "groups", "gated as one", "each its own", "normalised"]
)
def test_a_map_whose_channels_are_counted_keeps_them(how):
    image = keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(20, 3, activation="relu", name="counted")(image)
    _, after = aligned(keras.Model(image, other_reader(x, how)), 8)
    assert after["counted"][0] == 20


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
        given = [
            constant(f"{name}_k", kernel.astype("int8")),
            constant(f"{name}_ks", steps),
            constant(f"{name}_kz", np.zeros(len(kernel), "int8")),
        ]
        bias = [
            constant(f"{name}_b", np.arange(len(kernel), dtype="int32") * 100),
            constant(f"{name}_bs", steps * np.float32(step)),
            constant(f"{name}_bz", np.zeros(len(kernel), "int32")),
        ]
        for ending, inputs in (("w", given), ("c", bias)):
            nodes.append(helper.make_node("DequantizeLinear", inputs, [f"{name}_{ending}"], axis=0))
        nodes.append(helper.make_node("Conv", [source, f"{name}_w", f"{name}_c"], [f"{name}_y"]))
        return f"{name}_y"

    pair("image")
    for name in "ab":
        kernel = generator.integers(-60, 60, (4, 3, 1, 1))
        made = convolution("image_r", kernel, STEPS["image"], f"conv_{name}")
        nodes.append(helper.make_node("Relu", [made], [name]))
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
    before = answers(proto, images)
    join_scales(proto)
    checker.check_model(proto, full_check=True)
    after = constants(proto)
    assert {float(after[f"{name}_step"]) for name in ("a", "b", "sum")} == {np.float32(0.01)}
    assert float(after["image_step"]) == np.float32(1 / 255)
    # What is added stays the same number: 100 steps of 0.008 x 0.01 are 80 of 0.01 x 0.01.
    assert after["last_bs"] == pytest.approx(np.full(4, 0.01 * 0.01), rel=1e-6)
    assert after["last_b"].tolist() == [0, 80, 160, 240]
    # Eight values, each rounded to 0.01 at most twice, times weights of at most 0.6.
    assert np.abs(answers(proto, images) - before).max() < 8 * 0.6 * 0.01


def test_maps_with_other_zero_points_keep_their_scales():
    proto = joined({"b": 128})
    before = proto.SerializeToString()
    join_scales(proto)
    assert proto.SerializeToString() == before


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
    assert np.abs(answers(proto, image) - wanted).max() <= 0.501 * largest / 255


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
