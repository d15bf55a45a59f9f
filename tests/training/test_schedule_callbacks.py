"""The pace of a training: rates of every step, plateaus, early ends, averaged weights."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest

from kerascnn.recipes.fields import Recipe
from kerascnn.recipes.optimizers import make_optimizer
from kerascnn.recipes.schedules import Schedule
from kerascnn.training.losses import (
    compile_arguments,
)
from kerascnn.training.schedule_callbacks import (
    AveragedWeights,
    EarlyStop,
    LearningRate,
    recipe_callbacks,
)
from support.trainings import linear


def fitted(recipe, callbacks, epochs=4, steps=5):
    keras.utils.set_random_seed(0)
    model = linear()
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
    kinds = [type(recipe_callback) for recipe_callback in recipe_callbacks(recipe, 10)]
    assert kinds == [LearningRate, EarlyStop, AveragedWeights]
    assert [type(recipe_callback) for recipe_callback in recipe_callbacks(Recipe("r"), 10)] == [
        LearningRate
    ]


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
    figures = model.evaluate(x, np.arange(20) % 3, verbose=0)
    assert figures[0] == pytest.approx(history["val_loss"][-1], rel=1e-5)
