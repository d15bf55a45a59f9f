"""Optimizers of recipes against the papers' formulas in NumPy, and which weights do not decay."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerascnn import create_model
from kerascnn.recipes.fields import Recipe
from kerascnn.recipes.lookup import resolve_recipe
from kerascnn.recipes.optimizers import make_optimizer, spared_weights
from kerascnn.recipes.table import RECIPES

START = np.array([1.0, -2.0])


def stepped(recipe, gradients):
    variable = keras.Variable(START.astype("float32"))
    optimizer = make_optimizer(recipe)
    for gradient in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(gradient, "float32")], [variable])
    return np.asarray(variable)


def sgd(gradients, rate, momentum=0.0, l2=0.0, nesterov=False):
    """v := m v - rate (g + l2 w), as AlexNet's section 5 writes it."""
    weight, velocity = START.copy(), np.zeros(2)
    for gradient in gradients:
        full = np.asarray(gradient) + l2 * weight
        velocity = momentum * velocity - rate * full
        weight = weight + (momentum * velocity - rate * full if nesterov else velocity)
    return weight


GRADIENTS = ([1.0, 2.0], [-1.0, 0.5], [0.3, -0.7], [0.0, 0.0])


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("l2", [0.0, 0.1])
def test_sgd_is_the_papers_formula(nesterov, l2):
    recipe = Recipe(
        "r", optimizer="sgd", learning_rate=0.1, momentum=0.9, nesterov=nesterov, weight_decay=l2,
        decay="l2",
    )  # fmt: skip
    expected = sgd(GRADIENTS, 0.1, 0.9, l2, nesterov)
    np.testing.assert_allclose(stepped(recipe, GRADIENTS), expected, rtol=1e-5)


def test_rmsprop_is_tensorflow_s_formula():
    """mean square, epsilon inside the root, momentum behind it (TensorFlow's RMSProp)."""
    recipe = replace(RECIPES["mobilenet"], learning_rate=0.05, weight_decay=0.2)
    weight, square, velocity = START.copy(), np.zeros(2), np.zeros(2)
    for gradient in GRADIENTS:
        full = np.asarray(gradient) + 0.2 * weight
        square = 0.9 * square + 0.1 * full**2
        velocity = 0.9 * velocity + 0.05 * full / np.sqrt(square + 1.0)
        weight = weight - velocity
    np.testing.assert_allclose(stepped(recipe, GRADIENTS), weight, rtol=1e-5)


def test_decoupled_decay_shrinks_by_rate_times_decay():
    for optimizer in ("sgd", "adamw"):
        recipe = Recipe("r", optimizer=optimizer, learning_rate=0.1, weight_decay=0.5)
        got = stepped(recipe, [[0.0, 0.0]])
        np.testing.assert_allclose(got, START * (1 - 0.1 * 0.5), rtol=1e-6)


def test_the_first_step_of_adam_has_the_length_of_the_rate():
    recipe = Recipe("r", optimizer="adam", learning_rate=0.1)
    np.testing.assert_allclose(stepped(recipe, [[3.0, -0.01]]), [0.9, -1.9], rtol=1e-4)


def test_a_long_gradient_is_cut():
    recipe = Recipe("r", optimizer="sgd", learning_rate=1.0, momentum=0.0, clip_norm=0.5)
    np.testing.assert_allclose(
        stepped(recipe, [[3.0, -4.0]]), START - 0.5 * np.array([0.6, -0.8]), rtol=1e-5
    )


@pytest.fixture(scope="module")
def mobile():
    return create_model("mobilenet_v1", input_shape=(32, 32, 3), classes=3, width=0.25)


def test_what_does_not_decay(mobile):
    kinds = {kind: spared_weights(mobile, (kind,)) for kind in ("norm", "bias", "depthwise")}
    assert {w.name for w in kinds["norm"]} == {"gamma", "beta"}
    assert len(kinds["norm"]) == 2 * sum(
        isinstance(layer, keras.layers.BatchNormalization) for layer in mobile.layers
    )
    assert {w.name for w in kinds["bias"]} == {"bias"}
    assert len(kinds["depthwise"]) == 13  # Howard 2017, Table 1


@pytest.mark.parametrize("decay", ["l2", "decoupled"])
def test_spared_weights_keep_their_values_without_a_gradient(mobile, decay):
    model = keras.models.clone_model(mobile)
    recipe = Recipe(
        "r", optimizer="sgd", learning_rate=0.1, momentum=0.0, weight_decay=0.5, decay=decay,
        spare=("norm", "depthwise"),
    )  # fmt: skip
    optimizer = make_optimizer(recipe, model)
    before = [np.array(w) for w in model.trainable_weights]
    optimizer.apply([tf.zeros(w.shape) for w in model.trainable_weights], model.trainable_weights)
    spared = {id(w) for w in spared_weights(model, recipe.spare)}
    for weight, old in zip(model.trainable_weights, before, strict=True):
        factor = 1.0 if id(weight) in spared else 1 - 0.1 * 0.5
        np.testing.assert_allclose(np.asarray(weight), factor * old, rtol=1e-5)


def test_our_optimizers_are_saved_and_loaded(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(make_optimizer(resolve_recipe("resnet_2015"), model), "mse")
    model.fit(np.ones((4, 2)), np.ones(4), verbose=0)
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    assert again.optimizer.l2 == 1e-4
    assert again.optimizer.momentum == 0.9
