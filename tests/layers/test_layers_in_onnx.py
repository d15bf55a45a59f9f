"""What our layers become in ONNX: native operators, and no Transposes in the middle of a graph."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf2onnx

import kerascnn
from kerascnn.layers import ExactGelu, GroupedConv2D, HardSigmoid
from support.onnx_graphs import answers_of, operator_counts


def converted(model, channels_first=False):
    """Returns the ONNX model, and how often it has each operator."""
    signature = [tf.TensorSpec((None, *model.input_shape[1:]), tf.float32, name="image")]

    @tf.function(input_signature=signature)
    def function(image):
        return model(image, training=False)

    built, _ = tf2onnx.convert.from_function(
        function, signature, opset=17, inputs_as_nchw=["image"] if channels_first else None
    )
    return built, operator_counts(built)


def assert_equal_results(model, built):
    images = np.random.default_rng(0).normal(size=(3, *model.input_shape[1:])).astype("float32")
    wanted = np.asarray(model(images, training=False))
    np.testing.assert_allclose(
        answers_of(built, images), wanted, rtol=0, atol=1e-5 * np.abs(wanted).max()
    )


@pytest.mark.parametrize(
    "name", ["mobilenet_v3_small", "shufflenet_v1_g3", "shufflenet_v2_x0_5", "efficientnet_b0"]
)
def test_one_transpose_for_images_in_our_order_and_none_otherwise(name):
    model = kerascnn.create_model(name, input_shape=(32, 32, 3), width=0.25, depth=0.5, classes=7)
    built, counts = converted(model)
    assert counts["Transpose"] == 1
    assert counts["GlobalAveragePool"] >= 1
    assert "ReduceMean" not in counts
    assert converted(model, channels_first=True)[1]["Transpose"] == 0
    assert_equal_results(model, built)


def test_activations_and_grouped_convolutions_are_native():
    image = keras.Input((8, 8, 6))
    x = GroupedConv2D(12, 3, groups=3, padding="same")(image)
    x = keras.layers.Conv2D(4, 1)(HardSigmoid()(ExactGelu()(x)))
    model = keras.Model(image, keras.layers.GlobalAveragePooling2D()(x))
    built, counts = converted(model)
    groups = [
        attribute.i
        for node in built.graph.node
        if node.op_type == "Conv"
        for attribute in node.attribute
        if attribute.name == "group"
    ]
    assert 3 in groups
    assert counts["Conv"] == 2
    assert counts["Erf"] == counts["Clip"] == 1
    assert counts["Transpose"] <= 1
    assert_equal_results(model, built)
