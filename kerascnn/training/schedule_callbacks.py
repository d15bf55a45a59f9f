"""Callbacks that a recipe needs: learning rate of every step, early stopping, averaged weights.

The learning rate is set from outside the compiled step. So the optimizer of a saved model has a
plain number and loads without this package; a schedule within the step is also slower.
"""

from __future__ import annotations

from typing import Any

import keras

from kerascnn.models.auxiliary import auxiliary_outputs
from kerascnn.models.identity import layer_prefix
from kerascnn.recipes.fields import Recipe
from kerascnn.recipes.schedules import Plateau, Schedule
from kerascnn.runs.run import score
from kerascnn.training.losses import plain_names

Logs = dict[str, float] | None


def auxiliary_callbacks(model: keras.Model) -> list[keras.callbacks.Callback]:
    """Returns the callback that must come first if the model has auxiliary classifiers."""
    return [PlainNames()] if auxiliary_outputs(model) else []


def recipe_callbacks(recipe: Recipe, steps: int) -> list[keras.callbacks.Callback]:
    """Returns the callbacks for a recipe, in order.

    With averaged weights, the model has the average while it is evaluated and saved, so callbacks
    that save must come after these.

    Args:
        recipe: the recipe, with the batch size that is used.
        steps: training steps in an epoch.
    """
    callbacks: list[keras.callbacks.Callback] = [
        LearningRate(Schedule(recipe, steps, steps * recipe.epochs))
    ]
    if recipe.early_stopping:
        callbacks.append(EarlyStop(recipe.early_stopping))
    if recipe.ema:
        callbacks.append(AveragedWeights(swap_on_epoch=True))
    return callbacks


class LearningRate(keras.callbacks.Callback):
    """Sets the learning rate of the optimizer before every step.

    Args:
        schedule: the learning rate of each step.
    """

    def __init__(self, schedule: Schedule) -> None:
        super().__init__()
        self.schedule = schedule
        self.step = 0
        self.plateau = Plateau(schedule.recipe.patience)
        self._current: float | None = None

    def state(self) -> dict[str, Any]:
        """Returns the state as JSON types."""
        return {"step": self.step, "plateau": self.plateau.state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Restores what `state` returned."""
        self.step = state["step"]
        self.plateau.restore(state["plateau"])

    def on_train_begin(self, logs: Logs = None) -> None:
        self._current = None
        self._set_rate()

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        self.step += 1
        self._set_rate()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if self.schedule.recipe.schedule != "plateau":
            return
        if self.step >= self.schedule.warm_steps and self.plateau.update(score(logs or {})[0]):
            self._set_rate()

    def _set_rate(self) -> None:
        rate = self.schedule.rate(self.step, self.plateau.met)
        if rate != self._current:
            self.model.optimizer.learning_rate = rate
            self._current = rate


class EarlyStop(keras.callbacks.Callback):
    """Ends the run if the test accuracy has not risen for `patience` epochs."""

    def __init__(self, patience: int) -> None:
        super().__init__()
        self.plateau = Plateau(patience)

    def state(self) -> dict[str, Any]:
        """Returns the state as JSON types."""
        return self.plateau.state()

    def restore(self, state: dict[str, Any]) -> None:
        """Restores what `state` returned."""
        self.plateau.restore(state)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if self.plateau.update(score(logs or {})[0]):
            self.model.stop_training = True


class AveragedWeights(keras.callbacks.SwapEMAWeights):
    """Gives the model the averaged weights while it is evaluated and saved, and then its own again.

    Keras 3.15 exchanges the two by addition and subtraction, which changes both in their last bits,
    and it leaves the model's own weights in place if a run ends early.
    """

    def _tf_swap_variables(self, optimizer: keras.optimizers.Optimizer) -> None:
        self._backend_swap_variables(optimizer)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        last = self.params["epochs"] - 1
        super().on_epoch_end(last if self.model.stop_training else epoch, logs)


class PlainNames(keras.callbacks.Callback):
    """Renames the logs of a network with auxiliary classifiers, before all other callbacks."""

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._rename(logs)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self._rename(logs)

    def _rename(self, logs: Logs) -> None:
        plain_names(logs if logs is not None else {}, layer_prefix(self.model))
