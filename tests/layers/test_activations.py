"""The activations of our own against NumPy and against Keras's, values and gradients."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerascnn.layers import ExactGelu, HardSigmoid
from support.reference import activations

# Beyond both bends of the hard sigmoid, and on them.
VALUES = np.concatenate([np.linspace(-7, 7, 141), [-3, 3, 0, 1e4, -1e4]]).astype("float32")

PAIRS = [
    (HardSigmoid, activations.hard_sigmoid, keras.activations.hard_sigmoid),
    (ExactGelu, activations.gelu, lambda x: keras.activations.gelu(x, approximate=False)),
]


@pytest.mark.parametrize(("layer", "reference", "stock"), PAIRS)
def test_values_and_gradients(layer, reference, stock):
    x = tf.constant(VALUES.reshape(2, -1))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        ours, theirs = layer()(x), stock(x)
    np.testing.assert_allclose(ours, reference(VALUES.astype("float64")).reshape(2, -1), atol=1e-6)
    np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(tape.gradient(ours, x), tape.gradient(theirs, x), atol=1e-6)


def test_slopes_are_those_of_the_formulas():
    x = tf.constant([[-4.0, -1.0, 0.5, 2.0, 4.0]])
    for layer, slopes in (
        (HardSigmoid, [0, 1 / 6, 1 / 6, 1 / 6, 0]),
        # Phi(x) + x phi(x), by the tables of the normal distribution.
        (ExactGelu, [-0.0005035, -0.0833155, 0.8674951, 1.0852318, 1.0005035]),
    ):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer()(x)
        np.testing.assert_allclose(tape.gradient(y, x)[0], slopes, atol=2e-5)


@pytest.mark.parametrize("policy", ["float32", "mixed_float16", "mixed_bfloat16"])
def test_the_gate_closes_and_opens_fully_under_every_policy(policy):
    y = np.asarray(HardSigmoid(dtype=policy)(np.array([[-3.0, -9.0, 3.0, 50.0]], "float32")))
    assert y.astype("float32").tolist() == [[0, 0, 1, 1]]


@pytest.mark.parametrize("layer", [HardSigmoid, ExactGelu])
def test_any_rank_and_saving(layer, tmp_path):
    x = np.random.default_rng(0).normal(0, 3, (2, 4, 5, 6)).astype("float32")
    image = keras.Input((None, None, 6))
    model = keras.Model(image, layer()(image))
    np.testing.assert_array_equal(model(x), np.asarray(layer()(x.reshape(2, -1))).reshape(x.shape))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(x), model(x))
