"""The callback that writes checkpoints, with the state of the other callbacks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from kerascnn.runs.run import CHECKPOINTS, Run
from kerascnn.training import checkpoints
from kerascnn.training.callbacks import Clock, Logs, ModelFiles
from kerascnn.training.checkpoints import Position, StoredCheckpoint
from kerascnn.training.divergence import DivergenceGuard


class CheckpointWriter(keras.callbacks.Callback):
    """Writes a checkpoint at the start, after each epoch, every `every` steps, and on request.

    It must come after all callbacks that have a state.

    Args:
        run: the run, whose directory gets the checkpoints.
        clock: counts epochs and steps.
        guard: checks that all values are finite before they are written.
        models: knows the file of the best model.
        parts: the other callbacks; the state of those that have `restore` is saved.
        every: training steps between two checkpoints within an epoch; 0 for none.
        writes: whether this process writes. With several workers all of them capture the values,
            since that sums over the workers, but only the chief writes.
    """

    def __init__(
        self,
        run: Run,
        clock: Clock,
        guard: DivergenceGuard,
        models: ModelFiles,
        parts: Sequence[keras.callbacks.Callback],
        every: int,
        writes: bool = True,
    ) -> None:
        super().__init__()
        self.folder = run.path / CHECKPOINTS
        self.clock, self.guard, self.models, self.every = clock, guard, models, every
        self.parts = {type(part).__name__: part for part in parts if hasattr(part, "restore")}
        self.written: Position | None = None
        self.writes = writes
        self._trained: dict[str, Any] | None = None
        self._logs: dict[str, float] = {}

    def restore(self, checkpoint: StoredCheckpoint) -> None:
        """Restores the states of the callbacks from a checkpoint."""
        self.written = checkpoint.position
        for name, state in checkpoint.state["callbacks"].items():
            if name in self.parts:
                self.parts[name].restore(state)
        if checkpoint.position.step == self.clock.steps:
            self._trained, self._logs = checkpoint.arrays, checkpoint.state["logs"]

    def on_train_begin(self, logs: Logs = None) -> None:
        if self.written is None:  # so that there are always weights to restore
            self._write(self.clock.position, checkpoints.capture(self.model))

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        if self.clock.step == self.clock.steps:
            # The next epoch starts with the weights that the model has now. The validation before
            # it may replace them by averaged weights.
            self._trained = checkpoints.capture(self.model)
            self.guard.check(self._trained, "at the end")
            self._logs = dict(logs or {})
        elif self.every and self.clock.total % self.every == 0:
            self.write_now()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        assert self._trained is not None
        self._write(Position(epoch + 1, 0), self._trained)
        self._trained = None

    def write_now(self) -> None:
        """Writes a checkpoint of the last step of training or validation."""
        if self._trained is not None:
            self._write(self.clock.position, self._trained)
        elif self.clock.position != self.written:
            arrays = checkpoints.capture(self.model)
            self.guard.check(arrays, f"in step {self.clock.step}")
            self._write(self.clock.position, arrays)

    def _write(self, position: Position, arrays: dict[str, Any]) -> None:
        before, self.written = self.written, position
        if not self.writes:
            return
        state = {
            "callbacks": {name: part.state() for name, part in self.parts.items()},
            "best": self.models.digest,
            # For an epoch whose steps are done and whose validation is not.
            "logs": self._logs if position.step == self.clock.steps else {},
            "stopped": not position.step and bool(self.model.stop_training),
        }
        checkpoints.write(self.folder, position, arrays, state, self.models.best_file)
        # The previous checkpoint is kept too, in case that this one is damaged.
        checkpoints.prune(self.folder, [position] if before is None else [before, position])
