"""The callback of a trial: records it, saves its best weights, and ends poor trials early."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import keras_tuner

from kerascnn.fileio.atomic import atomic_file
from kerascnn.fileio.json import read_json, write_compact_json
from kerascnn.tuning.search_files import CHECKPOINT, HISTORY, outcome_paths

MINIMUM_COMPLETED = 4
"""Number of completed trials from which on poor trials are ended early."""


class TrialRecorder(keras.callbacks.Callback):
    """Records the history of a trial, saves the weights of its best epoch, and may end it early.

    Args:
        directory: the trial's directory.
        network: the network whose weights are saved.
        epochs: the number of the last epoch.
        first: number of epochs that an earlier trial of the same candidate had.
        stop_poor: end the trial if it is worse than the others.
        report_epoch: report_epoch(epoch, epochs, figures) is called after each epoch; or None.

    Raises:
        keras_tuner.errors.FailedTrialError: from `fit`, if a loss is not finite.
    """

    def __init__(
        self,
        directory: Path,
        network: keras.Model,
        epochs: int,
        first: int,
        stop_poor: bool,
        report_epoch: Callable[..., None] | None = None,
    ) -> None:
        super().__init__()
        self.directory, self.network, self.report_epoch = directory, network, report_epoch
        self.epochs, self.first, self.stop_poor = epochs, first, stop_poor
        self.history: dict[str, list[float]] = {}
        self.best: tuple[float, float] = (-math.inf, -math.inf)
        self.best_epoch = 0
        self.stopped = False

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        logs = logs or {}
        for name in ("loss", "val_loss"):
            if not math.isfinite(logs.get(name, 0.0)):
                raise keras_tuner.errors.FailedTrialError(
                    f"{name} became {logs[name]} in epoch {epoch + 1}"
                )
        for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
            self.history.setdefault(name, []).append(float(logs[name]))
        write_compact_json(self.directory / HISTORY, self.history)
        score = (logs["val_accuracy"], -logs["val_loss"])
        if score > self.best:
            self.best, self.best_epoch = score, epoch
            with atomic_file(self.directory / CHECKPOINT) as temporary:
                self.network.save_weights(temporary)
        if self.report_epoch is not None:
            self.report_epoch(epoch + 1, self.epochs, logs)
        if self.stop_poor and self._poor(epoch + 1 - self.first):
            self.stopped = True
            self.model.stop_training = True

    def _poor(self, done: int) -> bool:
        """Returns whether the best accuracy is below the median rule of Golovin 2017."""
        if done < 2 or done >= self.epochs - self.first:
            return False
        means = []
        for path in outcome_paths(self.directory.parent.parent):
            outcome = read_json(path) or {}
            scores = outcome.get("history", {}).get("val_accuracy", [])
            if outcome.get("status") == "COMPLETED" and len(scores) >= done:
                means.append(statistics.fmean(scores[:done]))
        return len(means) >= MINIMUM_COMPLETED and self.best[0] < statistics.median(means)

    def result(self) -> dict[str, Any]:
        """Returns the outcome of a completed trial."""
        place = self.best_epoch - self.first
        return {
            "epoch": self.best_epoch + 1,
            "epochs": self.first + len(self.history["loss"]),
            "stopped": self.stopped,
            "metrics": {name: values[place] for name, values in self.history.items()},
            "history": self.history,
        }
