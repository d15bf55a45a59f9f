"""Recipes by name, with fields changed by arguments and by text."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kerascnn.errors import UsageError
from kerascnn.recipes.fields import Recipe
from kerascnn.recipes.lookup import resolve_recipe
from kerascnn.recipes.table import RECIPES


def test_resolving_changes_only_what_is_given():
    changed = resolve_recipe("default", epochs=3, batch_size=None, learning_rate=0.5)
    assert changed == replace(RECIPES["default"], epochs=3, learning_rate=0.5)
    own = Recipe("own", batch_size=7)
    assert resolve_recipe(own) == own
    assert changed.to_json()["learning_rate"] == 0.5


def test_an_unknown_recipe_is_told_with_the_nearest():
    with pytest.raises(UsageError, match="no recipe is called 'defualt'; did you mean 'default'"):
        resolve_recipe("defualt")


def test_the_rate_follows_the_batch_by_the_linear_rule():
    recipe = RECIPES["resnet_2015"]
    assert recipe.peak_rate == 0.1
    assert resolve_recipe(recipe, batch_size=64).peak_rate == pytest.approx(0.1 * 64 / 256)
    # A rate that is given is given for the batch as it is, unless told otherwise.
    assert resolve_recipe(recipe, batch_size=64, learning_rate=0.05).peak_rate == 0.05
    kept = resolve_recipe(recipe, ["learning_rate=0.4", "scale_to_batch=true"], batch_size=64)
    assert kept.peak_rate == pytest.approx(0.1)
    assert resolve_recipe("default", batch_size=8).peak_rate == RECIPES["default"].learning_rate


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("lerning_rate=1", "no field 'lerning_rate'; did you mean 'learning_rate'?"),
        ("learning_rate", "write FIELD=VALUE"),
        ("learning_rate=fast", "learning_rate is 'fast'; it must be float"),
        ("learning_rate=true", "it must be float"),
        ("epochs=1.5", "it must be int"),
        ("flip=2", "it must be bool"),
        ("about=mine", "only explains"),
        ("zzz=1", "a recipe has no field 'zzz'; it has optimizer"),
    ],
)
def test_a_text_that_sets_nothing_is_told(setting, message):
    with pytest.raises(UsageError) as caught:
        resolve_recipe("default", [setting])
    assert message in str(caught.value)
    assert len(str(caught.value)) <= 400
