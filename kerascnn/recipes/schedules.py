"""Learning rates as functions of the step, and the detection of plateaus.

Standard library only. A rate is a function of the step and of the number of plateaus so far, so a
resumed run needs only these two numbers.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from typing import Any

from kerascnn.recipes.fields import Recipe


@dataclass(frozen=True)
class Schedule:
    """The learning rate of every step of a run.

    Args:
        recipe: its `peak_rate` and its fields on the schedule and the warm-up are used.
        steps_per_epoch: 1 or more.
        total_steps: number of steps of the whole run.
    """

    recipe: Recipe
    steps_per_epoch: int
    total_steps: int

    @property
    def warm_steps(self) -> int:
        """The number of steps of the warm-up."""
        return round(self.recipe.warmup * self.total_steps)

    def rate(self, step: int, dropped: int = 0) -> float:
        """Returns the learning rate of a step.

        Args:
            step: counted from 0.
            dropped: number of plateaus so far; for the schedule "plateau" only.
        """
        recipe, peak = self.recipe, self.recipe.peak_rate
        if step < self.warm_steps:
            risen = step / self.warm_steps if recipe.warmup_kind == "linear" else 0.0
            return peak * (recipe.warmup_from + (1 - recipe.warmup_from) * risen)
        if recipe.schedule == "cosine":
            span = max(self.total_steps - self.warm_steps, 1)
            part = min((step - self.warm_steps) / span, 1.0)
            return peak * 0.5 * (1 + math.cos(math.pi * part))
        if recipe.schedule == "steps":
            # Milestones are parts of the run, so they adapt to its length.
            milestones = [round(part * self.total_steps) for part in recipe.milestones]
            passed = bisect_right(milestones, step)
            drops = recipe.drops * (1 if len(recipe.drops) > 1 else len(recipe.milestones))
            return peak * math.prod(drops[:passed])
        if recipe.schedule == "exponential":
            return peak * recipe.drops[0] ** int(step / (self.steps_per_epoch * recipe.drop_epochs))
        return peak * recipe.drops[0] ** dropped if recipe.schedule == "plateau" else peak


class Plateau:
    """Detects plateaus: several epochs in which a figure does not improve.

    Args:
        patience: number of epochs without a better figure that make a plateau. After a plateau, the
            count starts again.
    """

    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.best = -math.inf
        self.waited = 0
        self.met = 0

    def update(self, figure: float) -> bool:
        """Takes an epoch's figure (higher is better) and returns whether it completes a plateau."""
        if figure > self.best:  # false for NaN
            self.best, self.waited = figure, 0
            return False
        self.waited += 1
        if self.waited < self.patience:
            return False
        self.waited = 0
        self.met += 1
        return True

    def state(self) -> dict[str, Any]:
        """Returns the state for `restore`, as JSON types."""
        best = None if math.isinf(self.best) else self.best
        return {"best": best, "waited": self.waited, "met": self.met}

    def restore(self, state: dict[str, Any]) -> None:
        """Sets the state that `state` returned."""
        self.best = -math.inf if state["best"] is None else state["best"]
        self.waited, self.met = state["waited"], state["met"]
