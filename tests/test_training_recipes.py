"""Recipes: fields, refusals, and the optimizer's numbers against arithmetic."""

from __future__ import annotations

import math
from dataclasses import replace

import keras
import numpy as np
import pytest

from kerascnn.errors import UsageError
from kerascnn.recipes import RECIPES, Recipe, make_optimizer, resolve_recipe


def rates(recipe, total):
    optimizer = make_optimizer(recipe, total)
    values = []
    for step in range(total + 1):
        optimizer.iterations.assign(step)
        values.append(float(keras.ops.convert_to_numpy(optimizer.learning_rate)))
    return values


def test_the_cosine_rises_over_the_warm_up_and_falls_to_zero():
    recipe = Recipe("r", learning_rate=0.8, warmup=0.1, schedule="cosine")
    got = rates(recipe, 100)
    for step in range(101):
        if step < 10:
            expected = 0.8 * step / 10
        else:
            expected = 0.8 * 0.5 * (1 + math.cos(math.pi * (step - 10) / 90))
        assert got[step] == pytest.approx(expected, abs=1e-6), step
    assert got[10] == pytest.approx(0.8)
    assert got[55] == pytest.approx(0.4)


def test_a_constant_stays_after_its_warm_up():
    recipe = Recipe("r", learning_rate=0.3, warmup=0.2, schedule="constant")
    got = rates(recipe, 50)
    np.testing.assert_allclose(got[:10], 0.3 * np.arange(10) / 10, atol=1e-6)
    np.testing.assert_allclose(got[10:], 0.3, rtol=1e-6)


def test_without_a_warm_up_the_first_step_has_the_full_rate():
    for schedule in ("constant", "cosine"):
        recipe = Recipe("r", learning_rate=0.3, warmup=0.0, schedule=schedule)
        assert rates(recipe, 10)[0] == pytest.approx(0.3)


def steps(recipe, gradients):
    variable = keras.Variable([1.0, -2.0])
    optimizer = make_optimizer(recipe, 1000)
    for gradient in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [variable])
    return np.asarray(variable)


def test_two_steps_of_sgd_with_momentum_are_the_textbook_s():
    recipe = Recipe("r", optimizer="sgd", learning_rate=0.1, momentum=0.9, warmup=0.0)
    recipe = replace(recipe, schedule="constant")
    first, second = np.array([1.0, 2.0]), np.array([-1.0, 0.5])
    velocity = -0.1 * first
    expected = np.array([1.0, -2.0]) + velocity
    velocity = 0.9 * velocity - 0.1 * second
    expected = expected + velocity
    got = steps(recipe, [first.astype("float32"), second.astype("float32")])
    np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_weight_decay_without_a_gradient_shrinks_by_rate_times_decay():
    for optimizer in ("sgd", "adamw"):
        recipe = Recipe("r", optimizer=optimizer, learning_rate=0.1, weight_decay=0.5, warmup=0.0)
        recipe = replace(recipe, schedule="constant")
        got = steps(recipe, [np.zeros(2, "float32")])
        np.testing.assert_allclose(got, np.array([1.0, -2.0]) * (1 - 0.1 * 0.5), rtol=1e-6)


def test_the_first_step_of_adam_has_the_length_of_the_rate():
    recipe = Recipe("r", optimizer="adam", learning_rate=0.1, warmup=0.0, schedule="constant")
    got = steps(recipe, [np.array([3.0, -0.01], "float32")])
    np.testing.assert_allclose(got, [1.0 - 0.1, -2.0 + 0.1], rtol=1e-4)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("optimizer", "adagrad"),
        ("schedule", "step"),
        ("learning_rate", 0.0),
        ("learning_rate", math.nan),
        ("learning_rate", -1.0),
        ("warmup", 1.0),
        ("momentum", 1.0),
        ("weight_decay", -1e-4),
        ("batch_size", 0),
        ("batch_size", 1.5),
        ("epochs", 0),
        ("epochs", True),
        ("translate", 1.5),
        ("rotate", 181.0),
        ("zoom", 1.0),
    ],
)
def test_a_field_out_of_range_is_named_with_its_value(field, value):
    with pytest.raises(UsageError, match=f"recipe r: {field} is {value!r}; it must be"):
        Recipe("r", **{field: value})


def test_resolving_changes_only_what_is_given():
    changed = resolve_recipe("default", epochs=3, batch_size=None, learning_rate=0.5)
    assert changed == replace(RECIPES["default"], epochs=3, learning_rate=0.5)
    own = Recipe("own", batch_size=7)
    assert resolve_recipe(own) is not None
    assert resolve_recipe(own).batch_size == 7
    assert changed.to_json()["learning_rate"] == 0.5


def test_an_unknown_recipe_is_told_with_the_nearest():
    with pytest.raises(UsageError, match="no recipe is called 'defualt'; did you mean 'default'"):
        resolve_recipe("defualt")
