"""When a training run writes checkpoints, and what the callbacks give to them."""

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
    """Writes a checkpoint at the beginning, at the end of each epoch, every so many steps, and on
    demand; comes after all callbacks that remember something.

    Args:
        run: whose directory takes them.
        clock: tells the step.
        guard: looks at the values before they are written.
        models: knows the file of the best model.
        parts: the callbacks; those with `state` and `restore` take part.
        every: steps between two of them within an epoch; 0 for none.
        writes: write them. All workers capture what is to be written, since sums over the workers
            are part of it, but one writes.
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
        """Lets the callbacks go on where the checkpoint was taken."""
        self.written = checkpoint.position
        for name, state in checkpoint.state["callbacks"].items():
            if name in self.parts:
                self.parts[name].restore(state)
        if checkpoint.position.step == self.clock.steps:
            self._trained, self._logs = checkpoint.arrays, checkpoint.state["logs"]

    def on_train_begin(self, logs: Logs = None) -> None:
        if self.written is None:  # so that there always are weights to go back to
            self._write(self.clock.position, checkpoints.capture(self.model))

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        if self.clock.step == self.clock.steps:
            # What is in the model now is what the next epoch begins with. Validation comes between,
            # which may put averaged weights in its place.
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
        """Writes a checkpoint of the step that was done last, in training or in validation."""
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
            # Of the epoch whose validation alone is still to be done, if it is.
            "logs": self._logs if position.step == self.clock.steps else {},
            "stopped": not position.step and bool(self.model.stop_training),
        }
        checkpoints.write(self.folder, position, arrays, state, self.models.best_file)
        # The one before stays as well, in case that this one turns out damaged.
        checkpoints.prune(self.folder, [position] if before is None else [before, position])
