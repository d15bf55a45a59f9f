"""Channels of int8 graphs, filled up to sixteens without another answer."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from onnx import checker

import kerascnn
from kerascnn import layers as own
from kerascnn.exporting.common.network import prepare
from kerascnn.exporting.onnx.int8_channels import align_channels
from kerascnn.exporting.onnx.writer import write_graph
from support.exports import randomised
from support.onnx_graphs import answers_of

layers = keras.layers


def aligned(model, side):
    """The graph before and after, and their answers' largest difference."""
    before, after = (write_graph(prepare(randomised(model)), 17) for _ in range(2))
    align_channels(after)
    checker.check_model(after, full_check=True)
    images = np.random.default_rng(2).normal(size=(3, side, side, 3)).astype("float32")
    wanted = answers_of(before, images)
    assert np.ptp(wanted) > 0.01
    assert np.abs(answers_of(after, images) - wanted).max() < 2e-5 * np.abs(wanted).max()
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
