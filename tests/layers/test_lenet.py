"""LeNet-5's radial basis layer: its loss against equation 9 of LeCun 1998."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerascnn.applications.lenet import digit_codes
from kerascnn.layers import RadialBasis


def test_the_loss_in_training_is_equation_9_and_outside_it_the_cross_entropy():
    inputs = keras.Input((84,))
    scores = RadialBasis(digit_codes(10, 84), j=5.0, name="rbf")(inputs)
    model = keras.Model(inputs, keras.layers.Softmax()(scores))
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.optimizer.learning_rate = 0.0
    codes, draw = np.array(digit_codes(10, 84)), np.random.default_rng(0)
    labels = np.arange(10)
    # Near their codes, so that some distances are below j and others above.
    x = (codes + draw.normal(0, 1, (10, 84)) * np.linspace(0, 0.5, 10)[:, None]).astype("float32")
    penalties = ((x[:, None] - codes[None]) ** 2).sum(-1)
    right = penalties[labels, labels]
    assert right.min() < 5 < right.max()
    with_j = np.mean(right + np.log(np.exp(-5.0) + np.exp(-penalties).sum(-1)))
    without = np.mean(right + np.log(np.exp(-penalties).sum(-1)))
    assert with_j - without > 1
    assert model.evaluate(x, labels, verbose=0) == pytest.approx(without, abs=1e-5)
    assert model.train_on_batch(x, labels) == pytest.approx(with_j, rel=1e-5)


def test_j_pulls_to_the_codes():
    layer = RadialBasis(digit_codes(10, 84), j=5.0)
    far = keras.Variable(np.full((1, 84), 0.0, "float32"))
    with tf.GradientTape() as tape:
        layer(far, training=True)
        (loss,) = layer.losses
    # At 0 all ten distances are 84: log(1 + e^-5 / (10 e^-84)) = 79 - log 10, and the gradient is
    # that of the softmax-weighted distance, twice the mean code with its sign turned.
    assert float(loss) == pytest.approx(79 - np.log(10), rel=1e-6)
    slope = tape.gradient(loss, far.value)
    wanted = -2 * np.array(digit_codes(10, 84)).mean(0, keepdims=True)
    np.testing.assert_allclose(slope, wanted, rtol=0, atol=1e-5)
