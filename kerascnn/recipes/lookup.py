"""Looks up recipes by name and changes their fields.

Standard library only, so that the command can list recipes without Keras.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from kerascnn.errors import UsageError
from kerascnn.recipes.fields import Recipe as Recipe
from kerascnn.recipes.fields import parse_field
from kerascnn.recipes.table import RECIPES as RECIPES


def find_recipe(name: str) -> Recipe:
    """Returns the recipe of this name.

    Raises:
        UsageError: there is none; the message has the most similar name.
    """
    if name not in RECIPES:
        near = difflib.get_close_matches(name, RECIPES, 1)
        raise UsageError(
            f"no recipe is called {name!r}; "
            + (f"did you mean {near[0]!r}? There" if near else "there")
            + f" are: {', '.join(RECIPES)}"
        )
    return RECIPES[name]


def resolve_recipe(recipe: str | Recipe, settings: Iterable[str] = (), **changes: Any) -> Recipe:
    """Returns a recipe with some fields changed.

    A changed learning rate is not scaled to the batch size, unless `scale_to_batch` is set too.

    Args:
        recipe: a name of `RECIPES`, or a recipe.
        settings: fields and values as texts such as "learning_rate=0.05"; they override `changes`.
        **changes: fields and their values; None leaves a field unchanged.

    Raises:
        UsageError: no recipe or field has this name, or a value is out of range.
    """
    base = find_recipe(recipe) if isinstance(recipe, str) else recipe
    changed = {field: value for field, value in changes.items() if value is not None}
    changed |= dict(map(parse_field, settings))
    if "learning_rate" in changed:
        changed.setdefault("scale_to_batch", False)
    return replace(base, **changed)


def differences(recipe: Recipe) -> dict[str, Any]:
    """Returns the fields of a recipe that differ from the default values of `Recipe`."""
    default = Recipe(recipe.name).to_json()
    return {field: value for field, value in recipe.to_json().items() if value != default[field]}
