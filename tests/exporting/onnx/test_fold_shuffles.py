"""Channel shuffles go into the filters around them, and stay where the order can be seen."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from onnx import checker, shape_inference

import kerascnn
from kerascnn.exporting.common.network import prepare
from kerascnn.exporting.onnx.writer import write_graph
from kerascnn.layers.channels import ChannelShuffle, ChannelSlice
from support.onnx_graphs import answers_of, operator_counts

layers = keras.layers
SIDE = 8


def written(outputs, image, opset=17):
    """The graph of a small network with random biases, compared with Keras."""
    model = keras.Model(image, outputs)
    generator = np.random.default_rng(0)
    for weight in model.weights:
        if "variance" not in weight.path:
            weight.assign(generator.normal(0, 0.5, weight.shape))
    proto = write_graph(prepare(model), opset)
    checker.check_model(proto, full_check=True)
    images = generator.normal(size=(3, SIDE, SIDE, 3)).astype("float32")
    got = answers_of(proto, images)
    wanted = np.asarray(model(images, training=False))
    assert np.ptp(wanted) > 1
    assert np.abs(got - wanted).max() < 1e-5 * np.abs(wanted).max()
    return operator_counts(proto)


def convolved(x, filters, name, activation="relu"):
    return layers.Conv2D(filters, 1, activation=activation, name=name)(x)


@pytest.fixture
def image():
    return keras.Input((SIDE, SIDE, 3), name="image")


@pytest.mark.parametrize(("name", "half"), [("shufflenet_v2_x0_5", 24), ("shufflenet_v2_x1_0", 58)])
def test_each_channel_of_shufflenet_v2_is_moved_once(name, half):
    """Counted by hand: four, eight and four units, of which each but the first reads one half.

    The stage's end reads both, so that with u units, u halves and one are put together.
    """
    proto = write_graph(prepare(kerascnn.create_model(name)), 17)
    kinds = operator_counts(proto)
    assert not {"Gather", "Slice"} & set(kinds)
    assert kinds["Concat"] == 4 + 8 + 4
    # Each stage's first unit gives two maps; that of its last unit goes to the end as a whole.
    assert kinds["Split"] == 4 + 8 + 4
    shapes = {
        value_info.name: [side.dim_value for side in value_info.type.tensor_type.shape.dim]
        for value_info in shape_inference.infer_shapes(proto).graph.value_info
    }
    joined = sum(shapes[node.output[0]][1] for node in proto.graph.node if node.op_type == "Concat")
    assert joined == half * (4 + 1) + 2 * half * (8 + 1) + 4 * half * (4 + 1)


def test_shuffles_with_groups_behind_them_stay():
    """A grouped filter sees a third of the channels: which, is what the shuffle decides."""
    proto = write_graph(prepare(kerascnn.create_model("shufflenet_v1_g3")), 17)
    kinds = operator_counts(proto)
    assert kinds["Gather"] == 4 + 8 + 4


@pytest.mark.parametrize("opset", [13, 18, 23])
def test_shuffle_and_split_between_convolutions(image, opset):
    a, b = convolved(image, 6, "a"), convolved(image, 6, "b")
    x = ChannelShuffle(2)(layers.Concatenate()([a, b]))
    kept = ChannelSlice(0, 2)(x)
    c = convolved(convolved(ChannelSlice(1, 2)(x), 8, "c"), 6, "d")
    x = ChannelShuffle(2)(layers.Concatenate()([kept, c]))
    end = convolved(layers.DepthwiseConv2D(3)(x), 5, "end", None)
    kinds = written(end, image, opset)
    # a and b have channels that stay for the end and channels that do not; c's all stay.
    assert (kinds["Split"], kinds["Concat"]) == (2, 2)
    assert not {"Gather", "Slice"} & set(kinds)


def test_a_shuffle_of_one_map_leaves_nothing(image):
    x = ChannelShuffle(3)(convolved(image, 12, "a"))
    kinds = written(convolved(layers.DepthwiseConv2D(3)(x), 5, "end", None), image)
    assert kinds == {"Transpose": 2, "Conv": 3, "Relu": 1}


def test_two_readers_share_a_part(image):
    x = ChannelShuffle(2)(convolved(image, 12, "a"))
    halves = [convolved(ChannelSlice(k, 2)(x), 5, f"half{k}", None) for k in range(2)]
    kinds = written(layers.Add()([*halves, convolved(x, 5, "whole", None)]), image)
    # The halves and, from both, the whole.
    assert (kinds["Split"], kinds["Concat"], kinds["Gather"]) == (1, 1, 0)


def seen(x, how):
    """Lets the order of x's channels be seen."""
    if how == "output":
        return x
    if how == "flattened":
        return layers.Dense(4)(layers.Flatten()(x))
    if how == "grouped":
        return layers.Conv2D(6, 1, groups=3)(x)
    return layers.Add()([x, convolved(x, 12, "end", None)])


@pytest.mark.parametrize("how", ["output", "flattened", "grouped", "added"])
def test_a_shuffle_whose_order_is_seen_stays(image, how):
    x = ChannelShuffle(2)(convolved(image, 12, "a"))
    assert written(seen(x, how), image)["Gather"] == 1


@pytest.mark.parametrize("way", ["activation", "sum", "image", "grouped"])
def test_a_shuffle_of_what_has_no_filters_to_order_stays(image, way):
    a = convolved(image, 12, "a", None)
    x = {
        "activation": lambda: layers.Activation("tanh")(a),
        "sum": lambda: layers.Add()([a, convolved(image, 12, "b", None)]),
        "image": lambda: layers.Concatenate()([a, image, image]),
        "grouped": lambda: layers.Conv2D(12, 1, groups=2)(a),
    }[way]()
    assert written(convolved(ChannelShuffle(2)(x), 5, "end", None), image)["Gather"] == 1


def test_a_shuffle_of_a_map_that_something_else_reads_stays(image):
    a = convolved(image, 12, "a")
    b = convolved(ChannelShuffle(2)(a), 12, "b", None)
    assert written(layers.Add()([a, b]), image)["Gather"] == 1


def test_a_relu_beside_another_reader_of_its_filters_stays(image):
    a = convolved(image, 12, "a", None)
    b = convolved(ChannelShuffle(2)(layers.ReLU()(a)), 12, "b", None)
    assert written(layers.Add()([a, b]), image)["Gather"] == 1


def test_channels_that_nobody_reads_keep_the_order(image):
    x = ChannelShuffle(2)(convolved(image, 12, "a"))
    kinds = written(convolved(ChannelSlice(0, 2)(x), 5, "end", None), image)
    assert (kinds["Gather"], kinds["Slice"]) == (1, 1)
