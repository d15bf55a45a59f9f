"""Conv2D with 1x1 kernels in bfloat16, against NumPy on numbers that bfloat16 holds exactly."""

from __future__ import annotations

import json
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerascnn.layers import Conv2D

# Sums of at most 112 products of -1, 0 and 1: every result is a whole number below 256.
DRAW = np.random.default_rng(0)
X = DRAW.integers(-1, 2, (2, 7, 8, 12)).astype("float32")
KERNEL = DRAW.integers(-1, 2, (1, 1, 12, 5)).astype("float32")
BIAS = np.arange(-2, 3, dtype="float32")


def operators(layer):
    """Returns the types of the operators of a layer's graph, its input's sizes open."""
    graph = tf.function(lambda x: layer(x)).get_concrete_function(
        tf.TensorSpec((None, None, None, 12), layer.compute_dtype)
    )
    return {operation.type for operation in graph.graph.get_operations()}


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("strides", [(1, 1), (2, 2), (3, 2)])
def test_values_and_gradients_are_exact(strides, padding):
    layer = Conv2D(5, 1, strides, padding, activation="relu", dtype="mixed_bfloat16")
    layer.build((None, None, None, 12))
    layer.kernel.assign(KERNEL)
    layer.bias.assign(BIAS)
    seen = X[:, :: strides[0], :: strides[1]]
    linear = seen @ KERNEL[0, 0] + BIAS
    weight = DRAW.integers(-1, 2, linear.shape).astype("float32")
    x = tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)
        loss = tf.reduce_sum(tf.cast(y, tf.float32) * weight)
    by_input, by_kernel, by_bias = tape.gradient(loss, [x, layer.kernel.value, layer.bias.value])
    assert y.dtype == tf.bfloat16
    np.testing.assert_array_equal(tf.cast(y, tf.float32), np.maximum(linear, 0))
    passed = weight * (linear > 0)
    wanted = np.zeros_like(X)
    wanted[:, :: strides[0], :: strides[1]] = passed @ KERNEL[0, 0].T
    np.testing.assert_array_equal(by_input, wanted)
    np.testing.assert_array_equal(by_kernel[0, 0], np.einsum("nyxc,nyxo->co", seen, passed))
    np.testing.assert_array_equal(by_bias, passed.sum(axis=(0, 1, 2)))


def test_only_what_gains_is_a_product():
    assert "Conv2D" not in operators(Conv2D(5, 1, dtype="mixed_bfloat16"))
    assert "Conv2D" in operators(Conv2D(5, 1))
    assert "Conv2D" in operators(Conv2D(5, 3, dtype="mixed_bfloat16"))
    assert "Conv2D" in operators(Conv2D(5, 1, dtype="mixed_float16"))


def test_files_hold_keras_own_layer(tmp_path):
    image = keras.Input((4, 4, 12), name="image")
    model = keras.Model(image, Conv2D(5, 1, name="mix", dtype="mixed_bfloat16")(image))
    model.save(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        saved = json.loads(archive.read("config.json"))["config"]["layers"][1]
    assert (saved["module"], saved["class_name"]) == ("keras.layers", "Conv2D")
    assert saved["registered_name"] is None
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        *(tf.cast(network(X[:, :4, :4]), tf.float32) for network in (loaded, model))
    )
