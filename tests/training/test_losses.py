"""Losses, weights of classes and targets of recipes, against NumPy."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerascnn.data.sources.dataset import Data, Split
from kerascnn.errors import UsageError
from kerascnn.models.auxiliary import auxiliary_outputs, with_output_list
from kerascnn.recipes.fields import Recipe
from kerascnn.recipes.optimizers import make_optimizer
from kerascnn.recipes.table import RECIPES
from kerascnn.training.losses import (
    class_weight_array,
    compile_arguments,
    plain_names,
    with_targets,
)
from support.trainings import googlenet_with_heads, linear

# Labels


def pictures(labels, names=("a", "b", "c")):
    labels = np.asarray(labels)
    images = np.zeros((len(labels), 4, 4, 1), np.uint8)
    split = Split(images, labels)
    return Data("d", split, split, tuple(names), (4, 4, 1), "f" * 64, "by hand")


def test_balanced_weights_give_every_class_the_same_sum():
    data = pictures([0] * 6 + [1] * 3 + [2])
    weights = class_weight_array(Recipe("r", class_weights="balanced"), data)
    np.testing.assert_allclose(weights * [6, 3, 1], [10 / 3] * 3, rtol=1e-6)
    data = pictures([0] * 6 + [1] * 2, names=("a", "b", "c"))
    weights = class_weight_array(Recipe("r", class_weights="balanced"), data)
    np.testing.assert_allclose(weights, [8 / 12, 8 / 4, 0], rtol=1e-6)


def test_named_weights_are_checked_against_the_data():
    data = pictures([0, 1, 2])
    assert class_weight_array(Recipe("r"), data) is None
    weights = class_weight_array(Recipe("r", class_weights="c=2,a=0"), data)
    assert weights.tolist() == [0.0, 1.0, 2.0]
    with pytest.raises(UsageError, match="names the class 'emu', which d does not have; it has a"):
        class_weight_array(Recipe("r", class_weights="emu=2"), data)
    with pytest.raises(UsageError, match="are all 0"):
        class_weight_array(Recipe("r", class_weights="a=0,b=0,c=0"), data)


def log_softmax(z):
    z = z - z.max(axis=-1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=-1, keepdims=True))


@pytest.mark.parametrize("activation", ["softmax", None])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weighted", [False, True])
def test_loss_and_gradient_are_those_of_smoothed_and_weighted_labels(
    activation, smoothing, weighted
):
    keras.utils.set_random_seed(0)
    model = linear(activation=activation)
    labels = np.array([0, 1, 2, 2, 1, 0])
    data = pictures(labels)
    class_weights = "a=3,b=0.5" if weighted else "none"
    recipe = Recipe("r", label_smoothing=smoothing, class_weights=class_weights, learning_rate=1.0)
    recipe = replace(recipe, optimizer="sgd", momentum=0.0)
    images = np.random.default_rng(0).normal(size=(6, 4, 4, 1)).astype("float32")
    batches = tf.data.Dataset.from_tensors((images, labels.astype("int32")))
    model.compile(make_optimizer(recipe, model), **compile_arguments(recipe, model))
    kernel, bias = (np.array(w, "float64") for w in model.trainable_weights)
    x = images.reshape(6, -1).astype("float64")
    scores = log_softmax(x @ kernel + bias)
    rows = np.eye(3)[labels] * (1 - smoothing) + smoothing / 3
    weights = np.array([3.0, 0.5, 1.0])[labels] if weighted else np.ones(6)
    expected = -(weights * (rows * scores).sum(axis=1)).mean()
    slope = weights[:, None] * (np.exp(scores) - rows) / 6
    plain = -scores[np.arange(6), labels].mean()
    validation = with_targets(batches, recipe, model, data, training=False)
    metrics = model.evaluate(validation, return_dict=True, verbose=0)
    assert metrics["loss"] == pytest.approx(plain, rel=1e-5)
    assert metrics["accuracy"] == pytest.approx((scores.argmax(axis=1) == labels).mean())
    training = with_targets(batches, recipe, model, data, training=True)
    history = model.fit(training, verbose=0).history
    assert history["loss"][0] == pytest.approx(expected, rel=1e-5)
    new = np.asarray(model.trainable_weights[0])
    np.testing.assert_allclose(new, kernel - x.T @ slope, rtol=1e-4, atol=1e-5)


# Auxiliary classifiers


@pytest.fixture(scope="module")
def googlenet():
    return googlenet_with_heads()


def test_the_auxiliary_losses_weigh_three_tenths(googlenet):
    model = with_output_list(googlenet)
    assert sorted(auxiliary_outputs(model)) == ["aux1", "aux2"]
    recipe = replace(RECIPES["googlenet_2014"], ema=0.0)
    model.compile("sgd", **compile_arguments(recipe, model))
    images = np.random.default_rng(0).normal(size=(6, 64, 64, 3)).astype("float32")
    labels = np.array([0, 1, 2, 0, 1, 2], "int32")
    batches = tf.data.Dataset.from_tensors((images, labels))
    batches = with_targets(batches, recipe, model, pictures(labels), training=False)
    metrics = model.evaluate(batches, return_dict=True, verbose=0)
    outputs = dict(zip(model.output_names, model.predict(images, verbose=0), strict=True))
    losses = {k: -np.log(rows[np.arange(6), labels]).mean() for k, rows in outputs.items()}
    total = losses["predictions"] + 0.3 * (losses["aux1"] + losses["aux2"])
    assert metrics["loss"] == pytest.approx(total, rel=1e-5)
    logs = {f"val_{name}": value for name, value in metrics.items()}
    plain_names(logs, "")
    assert set(logs) == {"val_loss", "val_accuracy"}
    assert logs["val_loss"] == pytest.approx(losses["predictions"], rel=1e-5)
    right = (outputs["predictions"].argmax(axis=1) == labels).mean()
    assert logs["val_accuracy"] == pytest.approx(right)
