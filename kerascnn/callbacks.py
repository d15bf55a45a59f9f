"""What happens between the steps of a training run: guards, records and saved models.

The order of the callbacks matters: `Measurements` adds to the epoch's logs what those after it
write down, and `DivergenceGuard` comes before everything that saves.
"""

from __future__ import annotations

import csv
import math
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerascnn.errors import DivergedError, Interrupted
from kerascnn.files import atomic_file
from kerascnn.runs import EVENTS, HISTORY, MODELS, kept_files, score

Logs = dict[str, float] | None
COLUMNS = ("epoch", "loss", "accuracy", "val_loss", "val_accuracy")
"""The columns of history.csv that come first."""


class DivergenceGuard(keras.callbacks.Callback):
    """Stops at the first step whose loss is not finite, before anything else is saved.

    Keras would train on with NaN weights and write them over the good files.

    Raises:
        DivergedError: from `fit`, naming the step and the files that are kept.
    """

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.directory = directory
        self.epoch = 0

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        # Keras reports the epoch's running mean, which stays non-finite from that step on.
        loss = (logs or {}).get("loss", 0.0)
        if not math.isfinite(loss):
            self._stop(f"the loss became {loss} in step {batch + 1}")

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        loss = (logs or {}).get("val_loss", 0.0)
        if not math.isfinite(loss):
            self._stop(f"the validation loss became {loss} at the end")
        variable = not_finite(self.model)
        if variable is not None:
            self._stop(f"{variable} holds values that are not finite at the end")

    def _stop(self, what: str) -> None:
        raise DivergedError(
            f"{what} of epoch {self.epoch + 1}; {kept_files(self.directory)}; "
            "lower the learning rate, or look for broken values in the data"
        )


def not_finite(model: keras.Model) -> str | None:
    """Returns the path of the first weight that holds NaN or infinity; None when all are finite."""
    for variable in model.weights:
        values = keras.ops.convert_to_numpy(variable)
        if not np.isfinite(values.astype(np.float32)).all():
            return variable.path
    return None


class Measurements(keras.callbacks.Callback):
    """Adds learning_rate, seconds and images_per_second to each epoch's logs."""

    def __init__(self, batch_size: int) -> None:
        super().__init__()
        self.batch_size = batch_size

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self.started = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        self.trained = time.perf_counter()
        if batch == 0:
            self.first = self.trained
        self.steps = batch

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        assert logs is not None
        rate = self.model.optimizer.learning_rate
        logs["learning_rate"] = float(keras.ops.convert_to_numpy(rate))
        logs["seconds"] = round(time.perf_counter() - self.started, 3)
        # The first step, which compiles the model, counts only where there is no other.
        steps, since = (self.steps, self.first) if self.steps else (1, self.started)
        logs["images_per_second"] = round(steps * self.batch_size / (self.trained - since), 1)


class HistoryFile(keras.callbacks.Callback):
    """Keeps history.csv: one row an epoch, every digit of each number, written atomically."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.path = directory / HISTORY
        self.rows: list[dict[str, float]] = []

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        row = {"epoch": epoch + 1, **(logs or {})}
        order = {name: place for place, name in enumerate(COLUMNS)}
        self.rows.append(dict(sorted(row.items(), key=lambda cell: order.get(cell[0], len(order)))))
        with (
            atomic_file(self.path) as temporary,
            temporary.open("w", newline="", encoding="utf-8") as stream,
        ):
            table = csv.DictWriter(stream, list(self.rows[0]))
            table.writeheader()
            table.writerows(self.rows)


class ModelFiles(keras.callbacks.Callback):
    """Keeps last.keras, and best.keras of the epoch with the highest `score`."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.directory = directory
        self.best = score({})

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        last = self.save_last()
        if score(logs or {}) > self.best:
            with atomic_file(self.directory / MODELS["best"]) as temporary:
                shutil.copyfile(last, temporary)
            self.best = score(logs or {})

    def save_last(self) -> Path:
        """Writes the model as it is now."""
        path = self.directory / MODELS["last"]
        with atomic_file(path) as temporary:
            self.model.save(temporary)
        return path


class EventWriter(keras.callbacks.Callback):
    """Writes each epoch's figures for TensorBoard, training and validation in one diagram."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        root = directory / EVENTS
        self.writers = {
            "": tf.summary.create_file_writer(str(root / "train")),
            "val_": tf.summary.create_file_writer(str(root / "validation")),
        }

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        for name, value in (logs or {}).items():
            prefix = "val_" if name.startswith("val_") else ""
            with self.writers[prefix].as_default(step=epoch + 1):
                tf.summary.scalar(name.removeprefix("val_"), value)
        for writer in self.writers.values():
            writer.flush()

    def close(self) -> None:
        for writer in self.writers.values():
            writer.close()


class StopRequest(keras.callbacks.Callback):
    """Turns Ctrl-C and SIGTERM into a stop between two steps, where the weights are whole.

    A second signal acts as it did before: Python's KeyboardInterrupt, or the end of the process.

    Raises:
        Interrupted: from `fit`, after the step in which the signal came.
    """

    def __init__(self) -> None:
        super().__init__()
        self.signal: int | None = None

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Takes the signals within the block; only the main thread is able to."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        old: dict[int, Any] = {}

        def request(number: int, frame: Any) -> None:
            self.signal = number
            signal.signal(number, old[number])

        for number in (signal.SIGINT, signal.SIGTERM):
            old[number] = signal.signal(number, request)
        try:
            yield
        finally:
            for taken, handler in old.items():
                signal.signal(taken, handler)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._stop_if_asked()

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._stop_if_asked()

    def _stop_if_asked(self) -> None:
        if self.signal is not None:
            raise Interrupted(signal.Signals(self.signal).name)
