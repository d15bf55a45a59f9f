"""Optimizers, losses and labels of recipes, against NumPy."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerascnn import create_model
from kerascnn.data.sources.dataset import Data, Split
from kerascnn.errors import MismatchError, UsageError
from kerascnn.models.auxiliary import auxiliary_outputs, listed, served
from kerascnn.recipes.fields import Recipe
from kerascnn.recipes.lookup import resolve_recipe
from kerascnn.recipes.optimizers import make_optimizer, spared_weights
from kerascnn.recipes.schedules import Schedule
from kerascnn.recipes.table import RECIPES
from kerascnn.training.losses import (
    compile_arguments,
    plain_names,
    weights_of_classes,
    with_targets,
)
from kerascnn.training.schedule_callbacks import (
    AveragedWeights,
    EarlyStop,
    LearningRate,
    pacers,
)

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
        isinstance(one, keras.layers.BatchNormalization) for one in mobile.layers
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


# Labels


def pictures(labels, names=("a", "b", "c")):
    labels = np.asarray(labels)
    images = np.zeros((len(labels), 4, 4, 1), np.uint8)
    split = Split(images, labels)
    return Data("d", split, split, tuple(names), (4, 4, 1), "f" * 64, "by hand")


def test_balanced_weights_give_every_class_the_same_sum():
    data = pictures([0] * 6 + [1] * 3 + [2])
    weights = weights_of_classes(Recipe("r", class_weights="balanced"), data)
    np.testing.assert_allclose(weights * [6, 3, 1], [10 / 3] * 3, rtol=1e-6)
    data = pictures([0] * 6 + [1] * 2, names=("a", "b", "c"))
    weights = weights_of_classes(Recipe("r", class_weights="balanced"), data)
    np.testing.assert_allclose(weights, [8 / 12, 8 / 4, 0], rtol=1e-6)


def test_named_weights_are_checked_against_the_data():
    data = pictures([0, 1, 2])
    assert weights_of_classes(Recipe("r"), data) is None
    weights = weights_of_classes(Recipe("r", class_weights="c=2,a=0"), data)
    assert weights.tolist() == [0.0, 1.0, 2.0]
    with pytest.raises(UsageError, match="names the class 'emu', which d does not have; it has a"):
        weights_of_classes(Recipe("r", class_weights="emu=2"), data)
    with pytest.raises(UsageError, match="are all 0"):
        weights_of_classes(Recipe("r", class_weights="a=0,b=0,c=0"), data)


def small(classes=3, activation="softmax"):
    image = keras.Input((4, 4, 1), name="image")
    x = keras.layers.Flatten()(image)
    out = keras.layers.Dense(classes, activation=activation, name="predictions")(x)
    return keras.Model(image, out)


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
    model = small(activation=activation)
    labels = np.array([0, 1, 2, 2, 1, 0])
    data = pictures(labels)
    given = "a=3,b=0.5" if weighted else "none"
    recipe = Recipe("r", label_smoothing=smoothing, class_weights=given, learning_rate=1.0)
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
    found = model.evaluate(validation, return_dict=True, verbose=0)
    assert found["loss"] == pytest.approx(plain, rel=1e-5)
    assert found["accuracy"] == pytest.approx((scores.argmax(axis=1) == labels).mean())
    training = with_targets(batches, recipe, model, data, training=True)
    history = model.fit(training, verbose=0).history
    assert history["loss"][0] == pytest.approx(expected, rel=1e-5)
    new = np.asarray(model.trainable_weights[0])
    np.testing.assert_allclose(new, kernel - x.T @ slope, rtol=1e-4, atol=1e-5)


# Auxiliary classifiers


@pytest.fixture(scope="module")
def googlenet():
    return create_model(
        "googlenet", input_shape=(64, 64, 3), classes=3, width=0.125, stem="small", auxiliary=True
    )


def test_the_auxiliary_losses_weigh_three_tenths(googlenet):
    model = listed(googlenet)
    assert sorted(auxiliary_outputs(model)) == ["aux1", "aux2"]
    recipe = replace(RECIPES["googlenet_2014"], ema=0.0)
    model.compile("sgd", **compile_arguments(recipe, model))
    images = np.random.default_rng(0).normal(size=(6, 64, 64, 3)).astype("float32")
    labels = np.array([0, 1, 2, 0, 1, 2], "int32")
    batches = tf.data.Dataset.from_tensors((images, labels))
    batches = with_targets(batches, recipe, model, pictures(labels), training=False)
    found = model.evaluate(batches, return_dict=True, verbose=0)
    outputs = dict(zip(model.output_names, model.predict(images, verbose=0), strict=True))
    losses = {k: -np.log(rows[np.arange(6), labels]).mean() for k, rows in outputs.items()}
    total = losses["predictions"] + 0.3 * (losses["aux1"] + losses["aux2"])
    assert found["loss"] == pytest.approx(total, rel=1e-5)
    logs = {f"val_{name}": value for name, value in found.items()}
    plain_names(logs)
    assert set(logs) == {"val_loss", "val_accuracy"}
    assert logs["val_loss"] == pytest.approx(losses["predictions"], rel=1e-5)
    right = (outputs["predictions"].argmax(axis=1) == labels).mean()
    assert logs["val_accuracy"] == pytest.approx(right)


def test_the_served_network_has_one_output_and_the_same_weights(googlenet):
    plain = served(googlenet)
    assert plain.output_names == ["predictions"]
    assert "auxiliary" not in plain.kerascnn_provenance.arguments
    twin = create_model("googlenet", **plain.kerascnn_provenance.arguments)
    assert [w.shape for w in plain.weights] == [w.shape for w in twin.weights]
    images = np.random.default_rng(0).normal(size=(2, 64, 64, 3)).astype("float32")
    np.testing.assert_array_equal(plain(images), googlenet(images)["predictions"])
    assert served(plain) is plain
    assert listed(plain) is plain


def test_other_outputs_are_refused():
    image = keras.Input((4,), name="image")
    made = [keras.layers.Dense(2, name=name)(image) for name in ("predictions", "boxes")]
    with pytest.raises(MismatchError, match="has the outputs predictions, boxes"):
        auxiliary_outputs(keras.Model(image, made))


# Pacing


def fitted(recipe, callbacks, epochs=4, steps=5):
    keras.utils.set_random_seed(0)
    model = small()
    model.compile(make_optimizer(recipe, model), **compile_arguments(recipe, model))
    x = np.random.default_rng(0).normal(size=(5 * 4, 4, 4, 1)).astype("float32")
    y = np.arange(20) % 3
    history = model.fit(
        x, y, batch_size=4, epochs=epochs, validation_data=(x, y), shuffle=False, verbose=0,
        callbacks=callbacks,
    )  # fmt: skip
    return model, history.history


class Seen(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.rates = []

    def on_train_batch_begin(self, batch, logs=None):
        self.rates.append(float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)))


def test_every_step_has_the_rate_of_the_schedule():
    recipe = Recipe("r", optimizer="sgd", learning_rate=0.2, warmup=0.25, epochs=4)
    schedule, seen = Schedule(recipe, 5, 20), Seen()
    fitted(recipe, [LearningRate(schedule), seen])
    assert seen.rates == pytest.approx([schedule.rate(step) for step in range(20)])


def test_the_rate_goes_on_where_it_was():
    recipe = Recipe("r", optimizer="sgd", learning_rate=0.2, epochs=4)
    schedule = Schedule(recipe, 5, 20)
    first, second, seen = LearningRate(schedule), LearningRate(schedule), Seen()
    fitted(recipe, [first], epochs=2)
    second.restore(first.state())
    fitted(recipe, [second, seen], epochs=2)
    assert seen.rates == pytest.approx([schedule.rate(step) for step in range(10, 20)])


def test_a_plateau_of_the_held_out_accuracy_drops_the_rate():
    recipe = Recipe("r", optimizer="sgd", learning_rate=1e-9, schedule="plateau", warmup=0.0)
    recipe, seen = replace(recipe, patience=1), Seen()
    fitted(recipe, [LearningRate(Schedule(recipe, 5, 20)), seen])
    # The accuracy of the first epoch stays: every later one is a plateau.
    assert seen.rates == pytest.approx([1e-9] * 10 + [1e-10] * 5 + [1e-11] * 5, rel=1e-5, abs=1e-20)


def test_an_early_end():
    recipe = Recipe("r", optimizer="sgd", learning_rate=1e-9, early_stopping=2)
    _, history = fitted(recipe, [EarlyStop(2)], epochs=9)
    assert len(history["loss"]) == 3


def test_the_pacers_of_a_recipe():
    recipe = Recipe("r", early_stopping=3, ema=0.9)
    kinds = [type(one) for one in pacers(recipe, 10)]
    assert kinds == [LearningRate, EarlyStop, AveragedWeights]
    assert [type(one) for one in pacers(Recipe("r"), 10)] == [LearningRate]


class Weights(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.steps, self.ends = [], []

    def on_train_batch_end(self, batch, logs=None):
        self.steps.append(np.array(self.model.trainable_weights[0]))

    def on_epoch_end(self, epoch, logs=None):
        self.ends.append(np.array(self.model.trainable_weights[0]))


@pytest.mark.parametrize("early", [False, True])
def test_the_average_is_evaluated_kept_and_saved(early):
    recipe = Recipe("r", optimizer="sgd", learning_rate=0.5, ema=0.8, schedule="constant")
    recipe, seen = replace(recipe, warmup=0.0), Weights()
    pace = [LearningRate(Schedule(recipe, 5, 20)), *([EarlyStop(1)] if early else [])]
    model, history = fitted(recipe, [*pace, AveragedWeights(swap_on_epoch=True), seen], epochs=4)
    average, expected = None, []
    for step, weights in enumerate(seen.steps):
        average = weights if average is None else 0.8 * average + 0.2 * weights
        if step % 5 == 4:
            expected.append(average)
    for got, want in zip(seen.ends, expected, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(model.trainable_weights[0], expected[-1], rtol=1e-4, atol=1e-6)
    x = np.random.default_rng(0).normal(size=(20, 4, 4, 1)).astype("float32")
    found = model.evaluate(x, np.arange(20) % 3, verbose=0)
    assert found[0] == pytest.approx(history["val_loss"][-1], rel=1e-5)
