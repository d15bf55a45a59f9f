"""The fused batch normalisation against Keras's own and against arithmetic."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerascnn.layers import BatchNormalization
from support.processes import environment

SHAPE = (3, 5, 4, 6)


def _pair(**config):
    """Returns our layer and Keras's with the same, uneven weights."""
    layers = BatchNormalization(**config), keras.layers.BatchNormalization(**config)
    draw = np.random.default_rng(1)
    for layer in layers:
        layer.build(SHAPE)
    weights = [draw.uniform(0.5, 1.5, weight.shape) for weight in layers[0].weights]
    for layer in layers:
        layer.set_weights(weights)
    return layers


def _step(layer, images):
    """Returns outputs, the gradients by input and weights, and the new moving statistics."""
    x = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=True)
        loss = tf.reduce_sum(tf.cast(y, "float32") ** 3)
    gradients = tape.gradient(loss, [x, *(weight.value for weight in layer.trainable_weights)])
    return [np.asarray(value, "float64") for value in (y, *gradients, *layer.weights[-2:])]


def _images():
    return np.random.default_rng(0).normal(2, 3, SHAPE).astype("float32")


@pytest.mark.parametrize(
    "config",
    [{}, {"scale": False}, {"center": False}, {"momentum": 0.9, "epsilon": 1e-5}, {"axis": 3}],
)
def test_training_equals_keras_own(config):
    ours, stock = (_step(layer, _images()) for layer in _pair(**config))
    for mine, theirs in zip(ours, stock, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-4)


def test_training_equals_arithmetic():
    layer, _ = _pair(momentum=0.75)
    gamma, beta, mean, variance = (weight.astype("float64") for weight in layer.get_weights())
    images = _images()
    outputs, *_, new_mean, new_variance = _step(layer, images)
    values = images.astype("float64")
    centred = values - values.mean((0, 1, 2))
    expected = centred / np.sqrt((centred**2).mean((0, 1, 2)) + 1e-3) * gamma + beta
    np.testing.assert_allclose(outputs, expected, atol=1e-5)
    np.testing.assert_allclose(new_mean, 0.75 * mean + 0.25 * values.mean((0, 1, 2)), rtol=1e-5)
    np.testing.assert_allclose(new_variance, 0.75 * variance + 0.25 * values.var((0, 1, 2)), 1e-5)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_keeps_its_statistics_in_float32(policy):
    half = {"mixed_bfloat16": 2.0**-7, "mixed_float16": 2.0**-10}[policy]
    ours, stock = (_step(layer, _images()) for layer in _pair(dtype=policy))
    # The outputs are rounded once; the statistics only come from rounded images.
    np.testing.assert_allclose(ours[0], stock[0], atol=8 * half)
    for mine, theirs in zip(ours[-2:], stock[-2:], strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=half)
    layer, _ = _pair(dtype=policy)
    assert layer(_images(), training=True).dtype == policy.removeprefix("mixed_")
    assert {weight.dtype for weight in layer.weights} == {"float32"}


def test_inference_and_a_frozen_layer_are_keras_own():
    for training, trainable in ((False, True), (True, False)):
        ours, stock = _pair()
        ours.trainable = stock.trainable = trainable
        before = ours.get_weights()
        first, other = (layer(_images(), training=training) for layer in (ours, stock))
        np.testing.assert_array_equal(first, other)
        for old, new in zip(before, ours.get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)


def test_it_trains_with_one_fused_operator():
    layer, stock = _pair()

    def kinds(item):
        step = tf.function(lambda x: item(x, training=True))
        graph = step.get_concrete_function(tf.TensorSpec((None, None, None, 6))).graph
        return {operation.type for operation in graph.get_operations()}

    assert "FusedBatchNormV3" in kinds(layer)
    assert "FusedBatchNormV3" not in kinds(stock)  # else this layer is no longer needed


def test_one_value_a_channel_has_no_variance():
    layer = BatchNormalization(momentum=0.5)
    outputs = layer(np.full((1, 1, 1, 2), 7.0, "float32"), training=True)
    np.testing.assert_allclose(outputs, 0, atol=1e-6)
    np.testing.assert_allclose(layer.moving_mean, 3.5)
    np.testing.assert_allclose(layer.moving_variance, 0.5)


def test_files_hold_keras_own_layer_and_load_without_this_package(tmp_path):
    image = keras.Input((8, 8, 3), name="image")
    model = keras.Model(image, BatchNormalization(momentum=0.9, name="norm")(image))
    model.get_layer("norm").set_weights([np.full(3, value) for value in (1.5, 2.5, 3.5, 4.5)])
    path = tmp_path / "model.keras"
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        saved = json.loads(archive.read("config.json"))["config"]["layers"][1]
    assert (saved["module"], saved["class_name"]) == ("keras.layers", "BatchNormalization")
    assert saved["registered_name"] is None
    script = (
        "import sys, keras, numpy\n"
        f"model = keras.models.load_model({str(path)!r})\n"
        "assert 'kerascnn' not in sys.modules\n"
        "print(float(model(numpy.zeros((1, 8, 8, 3), 'float32'))[0, 0, 0, 0]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env=environment(),
    )
    assert float(done.stdout) == pytest.approx(2.5 - 1.5 * 3.5 / np.sqrt(4.5 + 1e-3), rel=1e-5)
