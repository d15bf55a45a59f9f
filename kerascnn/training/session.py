"""Assembles the callbacks of a training run in the order that they need, and ends the run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import keras
import tensorflow as tf

from kerascnn.data.sources.dataset import Data
from kerascnn.errors import Interrupted
from kerascnn.fileio.json import write_json
from kerascnn.reports.curves import draw_curves
from kerascnn.runs.run import CHECKPOINTS, RESULT, Run, kept_files
from kerascnn.training import callbacks, checkpoints, schedule_callbacks
from kerascnn.training.callbacks import Clock
from kerascnn.training.checkpoint_callback import CheckpointWriter
from kerascnn.training.data_wait import DataWait
from kerascnn.training.divergence import DivergenceGuard, memory_errors
from kerascnn.training.multi_worker import is_chief, lost_worker_errors, spans_machines
from kerascnn.training.progress import ProgressDisplay, table
from kerascnn.training.progress import clock as duration
from kerascnn.training.resume import Start
from kerascnn.training.train_step import SkippedSteps
from kerascnn.training.training_setup import TrainingSetup


@dataclass(frozen=True)
class RecordingOptions:
    """What the user chooses about the records of a run; `train` explains the values.

    Args:
        checkpoint_every: training steps between two checkpoints within an epoch; None for none.
        profile: number of training steps to record for TensorBoard's profile page; None for none.
        verbose: show progress.
        command: which command resumes the run; see `resuming_command`.
    """

    checkpoint_every: int | None = None
    profile: int | None = None
    verbose: bool = False
    command: str = "the same command"


@dataclass
class Recording:
    """The callbacks of a run, and the position where the run starts.

    Args:
        start: the run directory, and the checkpoint to resume from.
        engine: the compiled model that is trained.
        callbacks: all callbacks for `fit`, in order.
        clock: the callback that counts epochs and steps.
        checkpoint_writer: the callback that writes checkpoints.
        epochs: number of epochs of the whole run.
        wait: measures how long steps wait for data; None on several replicas.
    """

    start: Start
    engine: keras.Model
    callbacks: list[keras.callbacks.Callback]
    clock: Clock
    checkpoint_writer: CheckpointWriter
    epochs: int
    wait: DataWait | None

    def timed(self, training: tf.data.Dataset) -> tf.data.Dataset:
        """Returns the dataset, with the time measured that steps wait for it."""
        return training if self.wait is None else self.wait.timed(training)

    def begin(self, validation: tf.data.Dataset) -> int:
        """Restores model and callbacks from the checkpoint, if there is one.

        Args:
            validation: the dataset to evaluate on, for a run that stopped during an evaluation.

        Returns:
            The number of the epoch to start `fit` with.
        """
        with self.engine.distribute_strategy.scope():
            self.engine.optimizer.build(self.engine.trainable_variables)
        checkpoint = self.start.checkpoint
        if checkpoint is None:
            return 0
        if checkpoint.position.step:
            # Keras builds metrics in the first step, and restoring needs them before.
            self.engine.evaluate(validation.take(1), verbose=0)
        checkpoints.restore(self.engine, checkpoint.arrays)
        self.checkpoint_writer.restore(checkpoint)
        if checkpoint.state["stopped"]:
            return self.epochs
        if checkpoint.position.step < self.clock.steps:
            return checkpoint.position.epoch
        return self._evaluate(checkpoint.position.epoch, checkpoint.state["logs"], validation)

    def _evaluate(self, epoch: int, logs: dict[str, float], validation: tf.data.Dataset) -> int:
        """Evaluates and ends an epoch whose training steps are done; returns the next epoch."""
        for callback in self.callbacks:
            callback.set_model(self.engine)
        self.engine.stop_training = False
        scores = self.engine.evaluate(
            validation, callbacks=self.callbacks, return_dict=True, verbose=0
        )
        logs = {**logs, **{f"val_{name}": value for name, value in scores.items()}}
        for callback in self.callbacks:
            callback.set_params({"epochs": self.epochs, "steps": self.clock.steps, "verbose": 0})
            callback.on_epoch_end(epoch, logs)
        return self.epochs if self.engine.stop_training else epoch + 1


@contextmanager
def open_recording(
    start: Start,
    engine: keras.Model,
    data: Data,
    setup: TrainingSetup,
    options: RecordingOptions,
) -> Iterator[Recording]:
    """Yields the callbacks of a run; closes files and draws curves at the end, also on error.

    Args:
        start: the run directory, and the checkpoint to resume from.
        engine: the compiled model to train.
        data: the data to train and evaluate on.
        setup: the settings of the training.
        options: the user's choices.

    Raises:
        Interrupted: a signal or Ctrl-C stopped the training.
    """
    run, recipe, steps = start.run, setup.recipe, setup.steps(data)
    arrays = start.checkpoint.arrays if start.checkpoint else None
    clock = callbacks.Clock(steps, start.position, arrays)
    guard = DivergenceGuard(run, clock, data.train, recipe.batch_size, setup.seed)
    models = callbacks.ModelFiles(run.path)
    stop = callbacks.StopRequest()
    strategy = engine.distribute_strategy
    # With several replicas TensorFlow prefetches for each replica: waiting cannot be measured.
    wait = DataWait() if strategy.num_replicas_in_sync == 1 else None
    chief, together = is_chief(strategy), spans_machines(strategy)
    show = options.verbose and chief
    display = ProgressDisplay(recipe.epochs, recipe.batch_size, clock) if show else None
    events = callbacks.EventWriter(run.path) if chief else None
    files = [models, callbacks.HistoryFile(run.path), events] if chief else []
    overflow = [SkippedSteps()] if run.config["precision"] == "mixed_float16" else []
    # The divergence guard precedes every callback that saves. `Measurements` precedes those
    # that write its figures. A checkpoint holds the state of the callbacks before its writer.
    # Signals are handled last, when the step is complete.
    active = [
        *schedule_callbacks.auxiliary_callbacks(engine.network),
        clock,
        guard,
        callbacks.Measurements(recipe.batch_size, wait),
        *overflow,
        *schedule_callbacks.recipe_callbacks(recipe, steps),
        *files,
        *([display] if display else []),
    ]
    if options.profile and chief:
        active.insert(0, callbacks.Profiler(run.path, options.profile))
    checkpoint_writer = CheckpointWriter(
        run, clock, guard, models, active, options.checkpoint_every or 0, chief
    )
    active += [checkpoint_writer, stop]
    say = display.say if display else lambda line: None
    say(headline(run.config))
    for note in start.notes:
        say(note)
    try:
        lost = lost_worker_errors(strategy, options.command)
        with memory_errors(recipe.batch_size), lost, stop.listening():
            yield Recording(start, engine, active, clock, checkpoint_writer, recipe.epochs, wait)
        if chief:
            _finish(run, engine)
        say(_summary(run))
    except Interrupted as error:
        if together:  # a checkpoint needs all workers, and not all of them were interrupted
            raise
        checkpoint_writer.write_now()
        models.save_last()
        raise Interrupted(
            f"stopped by {error} after {clock.position}; run {options.command} to resume there; "
            f"{kept_files(run.path)}"
        ) from None
    except KeyboardInterrupt:
        # Ctrl-C may have come in the middle of a step: the values in memory may be incomplete.
        raise Interrupted(f"stopped by Ctrl-C; {kept_files(run.path)}") from None
    finally:
        for callback in active:
            if hasattr(callback, "close"):
                callback.close()
        if chief:
            draw_curves(run)


def _finish(run: Run, engine: keras.Model) -> None:
    """Writes result.json, which marks the run as complete, and removes its checkpoints."""
    write_json(
        run.path / RESULT,
        {
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "epochs": len(run.history["epoch"]),
            "best": run.best,
            "weights_sha256": checkpoints.weights_digest(engine),
        },
    )
    checkpoints.remove_all(run.path / CHECKPOINTS)


def _summary(run: Run) -> str:
    history, best = run.history, run.best
    last = {name: values[-1] for name, values in history.items()}
    rows = {"last": last, "best": {"epoch": best["epoch"], **best["metrics"]}}
    seconds = duration(sum(history["seconds"]))
    return f"{table(rows)}\n{last['epoch']} epochs in {seconds}; see {run.path}"


def say_finished(run: Run, *, verbose: bool) -> Run:
    """Reports that the run is already complete, and returns it."""
    if verbose:
        print(f"this run is complete (--overwrite trains it again)\n{_summary(run)}")
    return run


def headline(config: dict[str, Any]) -> str:
    """Returns one line about network, data, precision and devices of a run."""
    model, data, strategy = config["model"], config["data"], config["strategy"]
    devices = "" if strategy["replicas"] == 1 else f" on {strategy['replicas']} replicas"
    size = ""
    if model["stem"] == "small":
        height, width, _ = model["input_shape"]
        size = f", stem for small images, {height} x {width} pixels"
    why = config.get("precision_choice", {}).get("reason", "")
    return (
        f"{model['name']} ({model['parameters']:,} parameters{size}) on {data['name']}: "
        f"{data['train']:,} training and {data['test']:,} held-out images of "
        f"{len(data['class_names'])} classes, {config['precision']}{devices}"
        + (f" ({why})" if why else "")
    )
