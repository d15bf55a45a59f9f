"""Recipes: everything about a training run that is neither the network nor the data.

Standard library only, so that the command can list recipes without Keras.
"""

from __future__ import annotations

import difflib
import math
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from kerascnn.errors import UsageError

if TYPE_CHECKING:
    import keras

OPTIMIZERS = ("sgd", "adam", "adamw")
SCHEDULES = ("constant", "cosine")


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Args:
        name: what the recipe is called; `train(recipe=name)` finds it.
        about: one line for lists.
        optimizer: "sgd", "adam" or "adamw".
        learning_rate: its highest value, > 0.
        schedule: "constant", or "cosine" down to zero at the last step.
        warmup: part of all steps over which the rate rises from zero, in [0, 1).
        momentum: of "sgd", in [0, 1).
        weight_decay: decoupled, of all trainable variables, >= 0 ("sgd" and "adamw").
        batch_size: images in a step, over all replicas.
        epochs: passes over the training images.
        translate: random shifts of up to so many pixels of the network's input.
        rotate: random rotations of up to so many degrees.
        zoom: random magnification, in [1 - zoom, 1 + zoom].
        flip: mirror half of the images left to right; not for digits or text.

    Raises:
        UsageError: a field is unknown or out of range.
    """

    name: str
    about: str = ""
    optimizer: str = "adamw"
    learning_rate: float = 3e-3
    schedule: str = "cosine"
    warmup: float = 0.05
    momentum: float = 0.9
    weight_decay: float = 0.0
    batch_size: int = 64
    epochs: int = 20
    translate: int = 0
    rotate: float = 0.0
    zoom: float = 0.0
    flip: bool = False

    def __post_init__(self) -> None:
        allowed: dict[str, tuple[bool, str]] = {
            "optimizer": (self.optimizer in OPTIMIZERS, f"one of {', '.join(OPTIMIZERS)}"),
            "schedule": (self.schedule in SCHEDULES, f"one of {', '.join(SCHEDULES)}"),
            "learning_rate": (0 < self.learning_rate < math.inf, "a number above 0"),
            "warmup": (0 <= self.warmup < 1, "in [0, 1)"),
            "momentum": (0 <= self.momentum < 1, "in [0, 1)"),
            "weight_decay": (0 <= self.weight_decay < math.inf, "a number from 0"),
            "batch_size": (_whole(self.batch_size), "a whole number from 1"),
            "epochs": (_whole(self.epochs), "a whole number from 1"),
            "translate": (_whole(self.translate, least=0), "whole pixels from 0"),
            "rotate": (0 <= self.rotate <= 180, "degrees from 0 to 180"),
            "zoom": (0 <= self.zoom < 1, "in [0, 1)"),
        }
        for field, (fits, range_) in allowed.items():
            if not fits:
                raise UsageError(
                    f"recipe {self.name}: {field} is {getattr(self, field)!r}; it must be {range_}"
                )

    def to_json(self) -> dict[str, Any]:
        """Returns every field by name, as JSON types."""
        return asdict(self)


def _whole(value: Any, least: int = 1) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            "default",
            "AdamW and a cosine, no distortions: small networks, any images",
            weight_decay=0.05,
        ),
        Recipe(
            "distorted",
            "the default with small shifts, rotations and zooms, as LeCun 1998 distorted digits",
            weight_decay=0.05,
            translate=2,
            rotate=10.0,
            zoom=0.1,
        ),
    )
}
"""Recipes by name."""


def resolve_recipe(recipe: str | Recipe, **changes: Any) -> Recipe:
    """Returns a recipe with some fields changed.

    Args:
        recipe: a name of `RECIPES`, or a recipe.
        **changes: fields and their values; None leaves a field as it is.

    Raises:
        UsageError: no recipe has this name, or a value is out of range.
    """
    if isinstance(recipe, str):
        if recipe not in RECIPES:
            near = difflib.get_close_matches(recipe, RECIPES, 1)
            raise UsageError(
                f"no recipe is called {recipe!r}; "
                + (f"did you mean {near[0]!r}? There" if near else "there")
                + f" are: {', '.join(RECIPES)}"
            )
        recipe = RECIPES[recipe]
    return replace(
        recipe, **{field: value for field, value in changes.items() if value is not None}
    )


def make_optimizer(recipe: Recipe, total_steps: int) -> keras.optimizers.Optimizer:
    """Returns the recipe's optimizer with its schedule over `total_steps` steps.

    Only Keras's own classes are used, so that a saved model loads without this package.
    """
    import keras

    warm = round(recipe.warmup * total_steps)
    # A cosine whose floor is its top is a constant: one class gives both, with the same warm-up.
    rate = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0 if warm else recipe.learning_rate,
        decay_steps=max(total_steps - warm, 1),
        alpha=1.0 if recipe.schedule == "constant" else 0.0,
        warmup_target=recipe.learning_rate if warm else None,
        warmup_steps=warm,
    )
    if recipe.optimizer == "sgd":
        return keras.optimizers.SGD(
            rate, momentum=recipe.momentum, weight_decay=recipe.weight_decay or None
        )
    if recipe.optimizer == "adam":
        return keras.optimizers.Adam(rate)
    return keras.optimizers.AdamW(rate, weight_decay=recipe.weight_decay)
