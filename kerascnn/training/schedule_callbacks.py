"""The callbacks that pace a run: the learning rate of every step, and the early end.

The rate is set from outside, so the optimizer in a saved model holds a plain number and loads
without this package; a schedule inside the compiled step costs more than setting it, too.
"""

from __future__ import annotations

from typing import Any

import keras

from kerascnn.models.auxiliary import auxiliary_outputs
from kerascnn.recipes.fields import Recipe
from kerascnn.recipes.schedules import Plateau, Schedule
from kerascnn.runs.run import score
from kerascnn.training.losses import plain_names

Logs = dict[str, float] | None


def auxiliary_callbacks(model: keras.Model) -> list[keras.callbacks.Callback]:
    """Returns the callback that has to come first, if the model has auxiliary classifiers."""
    return [PlainNames()] if auxiliary_outputs(model) else []


def recipe_callbacks(recipe: Recipe, steps: int) -> list[keras.callbacks.Callback]:
    """Returns the callbacks that a recipe needs, in their order.

    Where weights are averaged, the average is in the model while it is evaluated and saved: what
    saves comes after these.

    Args:
        recipe: for the batch size that is used.
        steps: of an epoch.
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
    """Gives the optimizer its learning rate before every step.

    Args:
        schedule: what to follow.
    """

    def __init__(self, schedule: Schedule) -> None:
        super().__init__()
        self.schedule = schedule
        self.step = 0
        self.plateau = Plateau(schedule.recipe.patience)
        self._given: float | None = None

    def state(self) -> dict[str, Any]:
        """Returns what `restore` needs, as JSON types."""
        return {"step": self.step, "plateau": self.plateau.state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on where `state` was taken."""
        self.step = state["step"]
        self.plateau.restore(state["plateau"])

    def on_train_begin(self, logs: Logs = None) -> None:
        self._given = None
        self._give()

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        self.step += 1
        self._give()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if self.schedule.recipe.schedule != "plateau":
            return
        if self.step >= self.schedule.warm_steps and self.plateau.update(score(logs or {})[0]):
            self._give()

    def _give(self) -> None:
        rate = self.schedule.rate(self.step, self.plateau.met)
        if rate != self._given:
            self.model.optimizer.learning_rate = rate
            self._given = rate


class EarlyStop(keras.callbacks.Callback):
    """Ends the run when the held-out accuracy has not risen for `patience` epochs."""

    def __init__(self, patience: int) -> None:
        super().__init__()
        self.plateau = Plateau(patience)

    def state(self) -> dict[str, Any]:
        """Returns what `restore` needs, as JSON types."""
        return self.plateau.state()

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on where `state` was taken."""
        self.plateau.restore(state)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if self.plateau.update(score(logs or {})[0]):
            self.model.stop_training = True


class AveragedWeights(keras.callbacks.SwapEMAWeights):
    """Has the average in the model while it is evaluated and saved, and then the weights again.

    Keras 3.15 exchanges the two by adding and subtracting, which changes both in their last bits,
    and leaves the weights in the model where a run ends early.
    """

    def _tf_swap_variables(self, optimizer: keras.optimizers.Optimizer) -> None:
        self._backend_swap_variables(optimizer)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        last = self.params["epochs"] - 1
        super().on_epoch_end(last if self.model.stop_training else epoch, logs)


class PlainNames(keras.callbacks.Callback):
    """Comes before all others, where a network has auxiliary classifiers: `plain_names`."""

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        plain_names(logs if logs is not None else {})

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        plain_names(logs if logs is not None else {})
