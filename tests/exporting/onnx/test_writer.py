"""The ONNX graphs of every family: right, small, and without Transposes."""

from __future__ import annotations

import importlib.metadata

import keras
import numpy as np
import onnx
import pytest

import kerascnn
from kerascnn.exporting.common.network import prepare
from kerascnn.exporting.onnx.writer import first_without_rule, write_graph
from support.exports import FAMILIES, random_images_for, randomised, small_of_family
from support.onnx_graphs import answers_of, operator_counts

layers = keras.layers


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_right_and_clean_in_both_layouts(family):
    model = small_of_family(family)
    images = random_images_for(model)
    wanted = np.asarray(model(images, training=False))
    scale = np.abs(wanted).max()
    maps = wanted.ndim == 4

    assert first_without_rule(model) is None
    ready = prepare(model)
    last, first = write_graph(ready, 17), write_graph(ready, 21, "nchw")
    for proto in (last, first):
        onnx.checker.check_model(proto, full_check=True)
    assert np.abs(answers_of(last, images) - wanted).max() <= 2e-5 * scale
    got = answers_of(first, images.transpose(0, 3, 1, 2))
    got = got.transpose(0, 2, 3, 1) if maps else got
    assert np.abs(got - wanted).max() <= 2e-5 * scale

    assert operator_counts(last)["Transpose"] == 1 + maps
    assert operator_counts(first)["Transpose"] == 0
    assert not {"Dropout", "Identity", "Cast", "Shape", "Reshape"} & set(operator_counts(last))
    # Those behind a sum, a concatenation or the input stay; all others are in the convolutions.
    if family not in ("densenet", "resnet_v2", "wide_resnet", "nasnet"):
        assert operator_counts(last)["BatchNormalization"] == 0
    groups = [
        attribute.i
        for node in last.graph.node
        for attribute in node.attribute
        if attribute.name == "group" and attribute.i > 1
    ]
    if family in ("alexnet", "resnext", "mobilenet_v1", "shufflenet_v1"):
        assert groups, "grouped convolutions are native"
    if family in ("alexnet", "vgg", "googlenet"):
        assert operator_counts(last)["LRN"] > 0
    stored = {entry.name for entry in last.graph.initializer}
    used = {name for node in last.graph.node for name in node.input}
    assert stored <= used, "weights that no node takes"


@pytest.mark.parametrize("opset", [13, 14, 18, 20, 23])
def test_operator_sets(opset):
    model = small_of_family("mobilenet_v3")
    images = random_images_for(model)
    proto = write_graph(prepare(model), opset)
    onnx.checker.check_model(proto, full_check=True)
    assert [(entry.domain, entry.version) for entry in proto.opset_import] == [("", opset)]
    wanted = np.asarray(model(images, training=False))
    assert np.abs(answers_of(proto, images) - wanted).max() <= 2e-5 * np.abs(wanted).max()


def test_the_graph_of_a_small_net_node_by_node():
    """Counted by hand: padding goes into the pools, batch norms and scales into the kernels."""
    image = keras.Input((9, 9, 2), name="image")
    x = layers.ZeroPadding2D(1)(image)
    x = layers.Conv2D(4, 3, strides=2, use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    x = layers.Rescaling([1.0, 2.0, 3.0, 4.0], offset=0.5)(x)
    x = layers.ReLU()(x)
    x = layers.ZeroPadding2D(((0, 1), (0, 1)))(x)
    x = layers.MaxPooling2D(2, 1)(x)
    x = layers.Dropout(0.5)(layers.Flatten()(x))
    x = layers.Dense(6)(x)
    x = layers.BatchNormalization()(x)
    model = randomised(keras.Model(image, layers.Activation("softmax")(x)))
    proto = write_graph(prepare(model), 17, "nchw")
    assert [node.op_type for node in proto.graph.node] == [
        "Conv", "Relu", "MaxPool", "Flatten", "Gemm", "Softmax",
    ]  # fmt: skip
    images = random_images_for(model)
    wanted = np.asarray(model(images, training=False))
    assert np.abs(answers_of(proto, images.transpose(0, 3, 1, 2)) - wanted).max() < 1e-6


def test_zeros_around_a_maximum_of_negative_values():
    """Until 1.31, onnxruntime moves a Pad of zeros into a MaxPool, which pads with -infinity."""
    image = keras.Input((4, 4, 1), name="image")
    x = layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(((0, 1), (0, 1)))(image))
    model = keras.Model(image, x)
    images = -np.random.default_rng(0).random((1, 4, 4, 1), "float32") - 1
    got = answers_of(write_graph(prepare(model), 17), images)
    # Of the 2 x 2 windows, only the first lies inside the image.
    assert got[0, 0, 0, 0] == images[0, :3, :3].max()
    assert np.abs(got.ravel()[1:]).max() < 1e-6

    # Is the shim what it says? With exactly zero the answer is wrong up to that version.
    proto = write_graph(prepare(model), 17)
    for entry in proto.graph.initializer:
        if entry.name.endswith("_zero"):
            entry.raw_data = np.float32(0).tobytes()
    version = tuple(map(int, importlib.metadata.version("onnxruntime").split(".")[:2]))
    wrong = np.abs(answers_of(proto, images).ravel()[1:]).max() > 1
    assert wrong == (version < (1, 32)), "shims.PAD_VALUE names other versions"


def test_any_size(tmp_path):
    model = randomised(
        kerascnn.create_model("mobilenet_v1", width=0.25, input_shape=(None, None, 3), classes=5)
    )
    proto = write_graph(prepare(model), 17)
    for height, width in ((64, 64), (71, 90)):
        images = np.random.default_rng(0).random((2, height, width, 3), "float32")
        wanted = np.asarray(model(images, training=False))
        assert np.abs(answers_of(proto, images) - wanted).max() < 1e-5
