"""Runs trials: trains each candidate as `kerascnn.train` does, and writes its outcome.

`search_files` describes the files of a trial.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import hashlib
import io
import os
import time
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import tensorflow as tf

from kerascnn.data.pipeline import data_errors
from kerascnn.data.sources.dataset import Data, Split
from kerascnn.errors import Interrupted
from kerascnn.fileio.json import read_json, write_compact_json
from kerascnn.imaging.preprocessing import Preprocessing
from kerascnn.models.signature import preprocessing_for
from kerascnn.recipes.schedules import Schedule
from kerascnn.training.auto_precision import choose_for
from kerascnn.training.callbacks import StopRequest
from kerascnn.training.input import (
    fit_batch,
    standardized,
    training_pipeline,
    validation_pipeline,
)
from kerascnn.training.losses import with_targets
from kerascnn.training.schedule_callbacks import LearningRate
from kerascnn.training.training_setup import TrainingSetup, compiled_engine
from kerascnn.tuning.chief import WorkerOracle
from kerascnn.tuning.search_files import ATTEMPTS, CHECKPOINT, OUTCOME, TRIALS
from kerascnn.tuning.space import SearchSpace
from kerascnn.tuning.trial_callback import TrialRecorder

MAXIMUM_ATTEMPTS = 3
"""A trial whose process died this often counts as failed."""
IDLE = 0.5
"""Seconds between two requests for a trial."""


@dataclass(frozen=True)
class TrialSettings:
    """The settings that all trials of a search share.

    Args:
        data: the images to train on (`train`) and to score by (`test`).
        setup: the recipe for what has no axis; the strategy; the seed, from which each trial's own
            is derived; and the dtype policy. With "auto", each candidate gets the fastest policy.
        stop_poor: end trials that are worse than others.
    """

    data: Data
    setup: TrainingSetup
    stop_poor: bool

    def trial_seed(self, trial_id: str) -> int:
        """Returns the seed of a trial: different for each trial, the same when it is repeated."""
        digest = hashlib.sha256(f"{self.setup.seed} {trial_id}".encode()).digest()
        return int.from_bytes(digest[:4], "big") % 2**31


class TrialTuner(keras_tuner.Tuner):
    """A keras-tuner tuner that trains candidates as this package does.

    Args:
        oracle: proposes candidates; one of `oracles.ORACLES`.
        space: the search space.
        settings: the settings that all trials share.
        directory: the search's directory.
        reporter: shows trials and epochs (`progress.SearchProgress`); None for no output.
    """

    def __init__(
        self,
        oracle: Any,
        space: SearchSpace,
        settings: TrialSettings,
        directory: Path,
        reporter: Any = None,
    ) -> None:
        self.space, self.settings, self.reporter = space, settings, reporter
        self._prepared: dict[Any, tuple[Preprocessing, Data]] = {}
        self._scored: tuple[Any, tf.data.Dataset | None] = (None, None)
        self.stop = StopRequest()
        oracle.verbose = 0
        with contextlib.redirect_stdout(io.StringIO()):  # it prints what it reloads
            super().__init__(oracle, space, directory=str(directory), project_name=TRIALS)
        if self._is_worker():
            self.oracle = WorkerOracle(oracle, directory, lambda: self.stop.signal is not None)

    def _populate_initial_space(self) -> None:
        """Does nothing: the oracle knows all axes, and no network must be built to find them."""

    def _get_tuner_fname(self) -> str:
        # All state is the oracle's. keras-tuner reloads it only if this file exists. Its own
        # file is written after the first trial, under another name on each machine.
        return str(Path(self.project_dir) / "oracle.json")

    def save(self) -> None:
        if not self._is_worker():
            self.oracle.save()

    def reload(self) -> None:
        if not self._is_worker():
            self.oracle.reload()

    def search(self, *arguments: Any, **keywords: Any) -> None:
        """Runs trials until the oracle has no more.

        Raises:
            Interrupted: Ctrl-C or SIGTERM; the next call repeats the running trial.
        """
        with self.stop.listening(), _frozen():
            while True:
                if self.stop.signal is not None:
                    raise Interrupted("a signal")
                trial = self.oracle.create_trial(self.tuner_id)
                if trial.status == "STOPPED":
                    return
                if trial.status == "IDLE":
                    time.sleep(IDLE)
                    continue
                metrics = self._attempt(trial)
                if metrics is not None:
                    self.oracle.update_trial(
                        trial.trial_id, metrics["metrics"], step=metrics["epoch"]
                    )
                    trial.status = "COMPLETED"
                self.on_trial_end(trial)

    def _attempt(self, trial: Any) -> dict[str, Any] | None:
        """Runs a trial; returns its outcome, or None, with the trial marked as failed."""
        directory = Path(self.get_trial_dir(trial.trial_id))
        outcome = read_json(directory / OUTCOME)
        if outcome is None:
            if self.reporter is not None:
                self.reporter.trial_started(trial.trial_id, trial.hyperparameters.values)
            worker = isinstance(self.oracle, WorkerOracle)
            with self.oracle.heartbeats(trial.trial_id) if worker else contextlib.nullcontext():
                outcome = self._outcome(trial, directory)
            write_compact_json(directory / OUTCOME, outcome)
        if self.reporter is not None:
            self.reporter.trial_ended(trial.trial_id, outcome)
        if outcome["status"] == "COMPLETED":
            return outcome
        trial.status = "FAILED"
        trial.message = outcome["reason"]
        return None

    def _outcome(self, trial: Any, directory: Path) -> dict[str, Any]:
        """Returns the content of outcome.json after a trial has run or failed."""
        attempts = read_json(directory / ATTEMPTS) or []
        about = {
            "trial": trial.trial_id,
            "values": dict(trial.hyperparameters.values),
            "worker": self.tuner_id,
            "attempts": len(attempts) + 1,
            "seed": self.settings.trial_seed(trial.trial_id),
        }
        started_at = time.perf_counter()
        try:
            if len(attempts) >= MAXIMUM_ATTEMPTS:
                raise keras_tuner.errors.FailedTrialError(
                    f"its process died {len(attempts)} times, perhaps because of too little memory"
                )
            write_compact_json(
                directory / ATTEMPTS,
                [*attempts, {"worker": self.tuner_id, "pid": os.getpid(), "at": time.time()}],
            )
            ending = {"status": "COMPLETED", **self.run_trial(trial)}
        except (Interrupted, KeyboardInterrupt):
            # A requested stop does not count as an attempt.
            write_compact_json(directory / ATTEMPTS, attempts)
            raise
        except Exception as error:
            (directory / "traceback.txt").write_text(traceback.format_exc(), "utf-8")
            ending = {"status": "FAILED", "reason": _reason(error)}
        return {**about, **ending, "seconds": round(time.perf_counter() - started_at, 3)}

    def run_trial(self, trial: Any, *arguments: Any, **keywords: Any) -> dict[str, Any]:
        """Trains a candidate; returns its best epoch, history and costs.

        Raises:
            keras_tuner.errors.FailedTrialError: a loss is not finite, or the network is invalid.
        """
        settings, values = self.settings, trial.hyperparameters.values
        directory = Path(self.get_trial_dir(trial.trial_id))
        first, epochs = (
            values.get("tuner/initial_epoch", 0),
            values.get("tuner/epochs", settings.setup.recipe.epochs),
        )
        seed = settings.trial_seed(trial.trial_id)
        self.stop.set_model(None)  # it would keep the last trial's network in memory
        keras.utils.clear_session()  # frees that network
        recipe = self.space.recipe(values, settings.setup.recipe)
        setup = replace(settings.setup, recipe=recipe, seed=seed)
        setup = replace(setup, policy=self._policy(values, setup, epochs - first))
        keras.utils.set_random_seed(seed)
        with setup.scope(), data_errors():
            network = self.space.network_of(values)
            if "tuner/trial_id" in values:  # hyperband continues a promoted trial
                earlier = Path(self.get_trial_dir(values["tuner/trial_id"]))
                network.load_weights(earlier / CHECKPOINT)
            preprocessing, data = self._prepare(network)
            recipe = fit_batch(recipe, len(data.train), setup.replicas)
            setup = replace(setup, recipe=recipe)
            steps = setup.steps(data)
            engine = compiled_engine(network, setup)
            training = untuned(training_pipeline(data, preprocessing, setup, (first, 0)))
            validation = self._validation(data, preprocessing, setup)
            reporter, name = self.reporter, trial.trial_id
            report_epoch = None if reporter is None else functools.partial(reporter.epoch, name)
            record = TrialRecorder(
                directory, network, epochs, first, settings.stop_poor, report_epoch
            )
            schedule = Schedule(recipe, steps, steps * (epochs - first))
            engine.fit(
                with_targets(training, recipe, network, data, training=True),
                validation_data=with_targets(validation, recipe, network, data, training=False),
                epochs=epochs,
                initial_epoch=first,
                steps_per_epoch=steps,
                callbacks=[self.stop, LearningRate(schedule), record],
                shuffle=False,
                verbose=0,
            )
        price = self.space.price(values)
        return {
            **record.result(),
            "precision": setup.policy,
            "params": price.params,
            "macs": price.macs,
            "memory": price.memory(recipe.batch_size),
        }

    def _policy(self, values: Mapping[str, Any], setup: TrainingSetup, epochs: int) -> str:
        """Returns the dtype policy for a candidate; measures it if "auto" is requested."""
        if setup.policy != "auto":
            return setup.policy
        row, arguments = self.space.network(values)
        macs = self.space.price(values).macs or 0
        return choose_for(
            setup,
            lambda: self.space.network_of(values),
            {"name": row, **arguments},
            macs=macs * len(self.settings.data.train) * epochs,
        ).policy

    def _prepare(self, network: keras.Model) -> tuple[Preprocessing, Data]:
        """Returns the preprocessing for a network, and the data with images of its size."""
        data = self.settings.data
        shape = tuple(network.input_shape[1:])
        base = preprocessing_for(network, data.image_shape)
        key = (shape, base)
        if key not in self._prepared:
            preprocessing = standardized(base, data.train)
            train, test = _sized(data.train, preprocessing), _sized(data.test, preprocessing)
            self._prepared[key] = (preprocessing, replace(data, train=train, test=test))
        return self._prepared[key]

    def _validation(
        self, data: Data, preprocessing: Preprocessing, setup: TrainingSetup
    ) -> tf.data.Dataset:
        """Returns the dataset that scores a trial; reuses the previous one if it is the same."""
        key = (preprocessing, setup.recipe.batch_size)
        scored_key, dataset = self._scored
        if dataset is None or scored_key != key:
            dataset = untuned(validation_pipeline(data, preprocessing, setup))
            self._scored = (key, dataset)
        return dataset


@contextlib.contextmanager
def _frozen() -> Iterator[None]:
    """Excludes all existing objects from garbage collection within the block, to save time."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def untuned(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Returns the dataset with TensorFlow's automatic tuning of threads and buffers turned off.

    The tuning thread sleeps between its checks, each time twice as long, up to a minute. When it
    should end, it often sleeps once more (TensorFlow 2.21), and `fit` waits for it: two seconds in
    five.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


def _sized(split: Split, preprocessing: Preprocessing) -> Split:
    """Returns a split with its arrays resized for a network; files and datasets stay unchanged."""
    if isinstance(split.images, tuple | tf.data.Dataset):
        return split
    return Split(preprocessing.spatial_batch(split.images), split.labels)


def _reason(error: BaseException) -> str:
    """Returns one line that says why a trial failed."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = (lines or ["no message"])[0][:300]
    if isinstance(error, MemoryError | tf.errors.ResourceExhaustedError):
        return f"out of memory: {text}"
    if isinstance(error, keras_tuner.errors.FailedTrialError):
        return text
    return f"{type(error).__name__}: {text}"
