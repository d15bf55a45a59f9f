"""Shuffle and slice of the channels: both forms against NumPy, gradients against permutations."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerascnn.layers import ChannelShuffle, ChannelSlice
from support.reference.networks import shuffled

X = np.random.default_rng(0).normal(size=(2, 3, 4, 24)).astype("float32")


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("groups", [2, 3, 4, 8])
def test_shuffle(groups, training):
    x = tf.constant(X)
    weights = np.random.default_rng(1).normal(size=X.shape).astype("float32")
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = ChannelShuffle(groups)(x, training=training)
        loss = tf.reduce_sum(y * weights)
    np.testing.assert_array_equal(y, shuffled(X, groups))
    # A permutation's gradient is its inverse: shuffling with the other factor.
    np.testing.assert_array_equal(tape.gradient(loss, x), shuffled(weights, X.shape[-1] // groups))


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("parts", [2, 3])
def test_slices(parts, training):
    size = X.shape[-1] // parts
    for part in range(parts):
        x = tf.constant(X)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = ChannelSlice(part, parts)(x, training=training)
            loss = tf.reduce_sum(y * y)
        here = slice(part * size, (part + 1) * size)
        np.testing.assert_array_equal(y, X[..., here])
        wanted = np.zeros_like(X)
        wanted[..., here] = 2 * X[..., here]
        np.testing.assert_array_equal(tape.gradient(loss, x), wanted)


@pytest.mark.parametrize("training", [False, True])
def test_open_sizes_and_saving(training, tmp_path):
    image = keras.Input((None, None, 24))
    parts = [ChannelSlice(part, 3)(image) for part in (2, 0, 1)]
    y = ChannelShuffle(3)(keras.layers.Concatenate()(parts))
    assert y.shape == (None, None, None, 24)
    model = keras.Model(image, y)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    wanted = shuffled(np.concatenate([X[..., 16:], X[..., :8], X[..., 8:16]], -1), 3)
    for net in (model, loaded):
        np.testing.assert_array_equal(tf.function(net)(X, training=training), wanted)
