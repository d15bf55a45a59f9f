"""Callbacks of a training run: position, measurements, history, saved models, events, signals.

A callback with a state to save has two methods: `state()` returns it as JSON types, and
`restore(state)` sets it. Checkpoints contain these states. `kerascnn.training.session` puts the
callbacks into their order.
"""

from __future__ import annotations

import csv
import math
import shutil
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerascnn.errors import Interrupted
from kerascnn.fileio.atomic import atomic_file, sha256_file
from kerascnn.models.auxiliary import main_model
from kerascnn.runs.run import EVENTS, HISTORY, MODELS, score
from kerascnn.training.checkpoints import Position, restore_metrics
from kerascnn.training.data_wait import DataWait

Logs = dict[str, float] | None
COLUMNS = ("epoch", "loss", "accuracy", "val_loss", "val_accuracy")
"""The first columns of history.csv."""
PROFILED_AFTER = 5
"""Number of training steps before a profile starts."""


class Clock(keras.callbacks.Callback):
    """Counts epochs and steps of the run, and ends an epoch in time that was resumed in the middle.

    Other callbacks use these counts: the `batch` that Keras passes counts from the resume.

    Args:
        steps: training steps in an epoch.
        start: the position where this process starts.
        arrays: arrays of the checkpoint to resume from, for the metrics of the unfinished epoch.
    """

    def __init__(
        self, steps: int, start: Position, arrays: Mapping[str, np.ndarray] | None = None
    ) -> None:
        super().__init__()
        self.steps, self.start, self.arrays = steps, start, arrays
        self.epoch, self.step = start
        self.short = False

    @property
    def position(self) -> Position:
        """The current position in the run."""
        return Position(self.epoch, self.step)

    @property
    def total(self) -> int:
        """Number of training steps since the beginning of the run."""
        return self.epoch * self.steps + self.step

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self.epoch = epoch
        self.step = self.start.step if epoch == self.start.epoch else 0
        if self.step and self.arrays is not None:
            restore_metrics(self.model, self.arrays)
        self.arrays = None

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        self.step += 1
        # All epochs of `fit` have the same length. On stop_training it validates and checks the
        # flag again after the epoch, where `on_epoch_end` has cleared it.
        if self.step == self.steps and batch + 1 < self.steps:
            self.model.stop_training = self.short = True

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if self.short:
            self.model.stop_training = self.short = False


class Measurements(keras.callbacks.Callback):
    """Adds learning_rate, seconds, images_per_second and data_wait to the logs of each epoch.

    Args:
        batch_size: images in a step.
        wait: measures how long steps wait for images; `data_wait` is the share of the time. None
            leaves `data_wait` out.
    """

    def __init__(self, batch_size: int, wait: DataWait | None = None) -> None:
        super().__init__()
        self.batch_size, self.wait = batch_size, wait
        self.earlier = 0.0
        self.started = self.trained = self.first = time.perf_counter()
        self.first_wait = 0.0
        self.steps = -1

    def state(self) -> dict[str, Any]:
        """Returns the seconds that the current epoch has taken."""
        return {"seconds": self.earlier + time.perf_counter() - self.started}

    def restore(self, state: dict[str, Any]) -> None:
        """Continues the time of an epoch from `state`."""
        self.earlier = state["seconds"]

    def on_train_begin(self, logs: Logs = None) -> None:
        self.started = time.perf_counter()

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self.started = time.perf_counter()
        self.steps = -1

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        self.trained = time.perf_counter()
        if batch == 0:
            self.first = self.trained
            if self.wait is not None:
                self.first_wait = self.wait.take_seconds()
        self.steps = batch

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        assert logs is not None
        rate = self.model.optimizer.learning_rate
        logs["learning_rate"] = float(keras.ops.convert_to_numpy(rate))
        now = time.perf_counter()
        logs["seconds"] = round(self.earlier + now - self.started, 3)
        # The first step compiles the model, so it counts only if it is the only one.
        steps, since = (self.steps, self.first) if self.steps > 0 else (1, self.started)
        elapsed = max(self.trained - since, 1e-9)
        # There is no step if the run was resumed during a validation.
        logs["images_per_second"] = (
            round(steps * self.batch_size / elapsed, 1) if self.steps >= 0 else 0.0
        )
        if self.wait is not None:
            waited = self.wait.take_seconds() + (0.0 if self.steps > 0 else self.first_wait)
            logs["data_wait"] = round(min(waited / elapsed, 1.0), 4) if self.steps >= 0 else 0.0
        # From here time counts for the next epoch, also in a checkpoint between the two.
        self.earlier, self.started = 0.0, now


class HistoryFile(keras.callbacks.Callback):
    """Writes history.csv: one row for each epoch, with all digits, written atomically."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.path = directory / HISTORY
        self.rows: list[dict[str, float]] = []

    def state(self) -> dict[str, Any]:
        """Returns the rows written so far."""
        return {"rows": self.rows}

    def restore(self, state: dict[str, Any]) -> None:
        """Restores the rows, and removes those of repeated epochs from the file."""
        self.rows = state["rows"]
        if self.rows:
            self._write()
        else:
            self.path.unlink(missing_ok=True)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        row = {"epoch": epoch + 1, **(logs or {})}
        order = {name: place for place, name in enumerate(COLUMNS)}
        self.rows.append(dict(sorted(row.items(), key=lambda cell: order.get(cell[0], len(order)))))
        self._write()

    def _write(self) -> None:
        with (
            atomic_file(self.path) as temporary,
            temporary.open("w", newline="", encoding="utf-8") as stream,
        ):
            # A run that resumes on several replicas has no data_wait from there on.
            columns = dict.fromkeys(name for row in self.rows for name in row)
            table = csv.DictWriter(stream, list(columns), restval=math.nan)
            table.writeheader()
            table.writerows(self.rows)


class ModelFiles(keras.callbacks.Callback):
    """Saves last.keras, and best.keras of the epoch with the highest `runs.run.score`."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.directory = directory
        self.best = score({})
        self.digest: str | None = None

    def state(self) -> dict[str, Any]:
        """Returns the highest score, and the SHA-256 of best.keras."""
        return {"best": list(self.best), "digest": self.digest}

    def restore(self, state: dict[str, Any]) -> None:
        """Restores what `state` returned."""
        first, second = state["best"]
        self.best, self.digest = (first, second), state["digest"]

    @property
    def best_file(self) -> Path | None:
        """Path of the best model; None before the first epoch ends."""
        return self.directory / MODELS["best"] if self.digest else None

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        last = self.save_last()
        if score(logs or {}) > self.best:
            with atomic_file(self.directory / MODELS["best"]) as temporary:
                shutil.copyfile(last, temporary)
            self.best = score(logs or {})
            self.digest = sha256_file(last)

    def save_last(self) -> Path:
        """Saves the current model as last.keras and returns its path."""
        path = self.directory / MODELS["last"]
        with atomic_file(path) as temporary:
            main_model(self.model).save(temporary)
        return path


class EventWriter(keras.callbacks.Callback):
    """Writes the figures of each epoch for TensorBoard, training and validation in one chart."""

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
        """Closes the event files."""
        for writer in self.writers.values():
            writer.close()


class Profiler(keras.callbacks.Callback):
    """Records the work of the devices in some training steps, for TensorBoard's profile page.

    Args:
        directory: the run directory.
        steps: number of steps to record, after the first ones, which compile and fill buffers.
    """

    def __init__(self, directory: Path, steps: int) -> None:
        super().__init__()
        self.directory, self.steps = str(directory / EVENTS / "train"), steps
        self.seen, self.running = 0, False

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        if self.seen == PROFILED_AFTER:
            tf.profiler.experimental.start(self.directory)
            self.running = True
        self.seen += 1

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        if self.running and self.seen == PROFILED_AFTER + self.steps:
            self.close()

    def on_train_end(self, logs: Logs = None) -> None:
        self.close()

    def close(self) -> None:
        """Ends the recording and writes it."""
        if self.running:
            self.running = False
            tf.profiler.experimental.stop()


class StopRequest(keras.callbacks.Callback):
    """Turns Ctrl-C and SIGTERM into a stop between two steps, when the weights are consistent.

    A second signal has its usual effect: KeyboardInterrupt, or the end of the process.

    Raises:
        Interrupted: from `fit`, after the step during which the signal arrived.
    """

    def __init__(self) -> None:
        super().__init__()
        self.signal: int | None = None

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Handles the signals within the block, if this is the main thread."""
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
            for handled, handler in old.items():
                signal.signal(handled, handler)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._stop_if_asked()

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._stop_if_asked()

    def _stop_if_asked(self) -> None:
        if self.signal is not None:
            raise Interrupted(signal.Signals(self.signal).name)
