"""What is kept of a trial while it trains, and when it is ended early."""

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
"""So many trials have to be completed before one can be stopped for being poor."""


class TrialRecorder(keras.callbacks.Callback):
    """Keeps a trial's history and the weights of its best epoch, and ends it when it must end.

    Args:
        directory: the trial's.
        network: whose weights are kept.
        epochs: the last one's number.
        first: the number of epochs that an earlier trial had of it.
        stop_poor: end it when it falls behind the others.
        report_epoch: report_epoch(epoch, epochs, figures) after each one.

    Raises:
        keras_tuner.errors.FailedTrialError: from `fit`, where a loss is not finite.
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
        """Golovin 2017's median rule: the best so far is below the others' mean until here."""
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
        """Returns the outcome of a trial that went through."""
        place = self.best_epoch - self.first
        return {
            "epoch": self.best_epoch + 1,
            "epochs": self.first + len(self.history["loss"]),
            "stopped": self.stopped,
            "metrics": {name: values[place] for name, values in self.history.items()},
            "history": self.history,
        }
