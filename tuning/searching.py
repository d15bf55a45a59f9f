"""Searching: trials of a space on some data, and what came of them."""

from __future__ import annotations

import copy
import math
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import keras_tuner

from kerascnn.data import Data, Split, load_data, pipeline
from kerascnn.data.records import held_out
from kerascnn.errors import DataError, KerasCNNError, MismatchError, UsageError
from kerascnn.files import refuse_occupied
from kerascnn.preprocessing import Preprocessing
from kerascnn.registry import model_info
from kerascnn.tuning.space import SearchSpace

TUNERS = {
    "random": keras_tuner.RandomSearch,
    "bayesian": keras_tuner.BayesianOptimization,
    "hyperband": keras_tuner.Hyperband,
    "grid": keras_tuner.GridSearch,
}
VALIDATION_FRACTION = 0.2
BATCH_SIZE = 64


@dataclass(frozen=True)
class Trial:
    """One candidate: `score` is its best epoch's validation accuracy, None when it failed."""

    hyperparameters: dict[str, Any]
    score: float | None
    failure: str = ""


@dataclass(frozen=True)
class SearchResult:
    """What a search found; `trials` are in the order in which they ended.

    `tuner` is keras-tuner's own, for all that it offers besides.
    """

    trials: tuple[Trial, ...]
    directory: Path
    tuner: keras_tuner.Tuner

    @property
    def best(self) -> Trial:
        """The completed trial of the highest score; the first of equals."""
        completed = (trial for trial in self.trials if trial.score is not None)
        return max(completed, key=lambda trial: trial.score or 0.0)

    def best_model(self) -> keras.Model:
        """Returns the best trial's model with the weights of its best epoch."""
        with warnings.catch_warnings():
            # The file holds the optimizer's state, and keras-tuner loads it before any step.
            warnings.filterwarnings("ignore", "Skipping variable loading for optimizer")
            model: keras.Model = self.tuner.get_best_models(1)[0]
        return model


def search(
    space: SearchSpace | str,
    data: Any,
    *,
    tuner: str = "random",
    trials: int = 10,
    epochs: int = 5,
    directory: str | os.PathLike[str] = "search",
    seed: int = 0,
    overwrite: bool = False,
    verbose: bool = True,
) -> SearchResult:
    """Trains candidates of a space and keeps them all in a directory.

    A fifth of every class of the training images is held out to score the trials; the test images
    are not touched, so that they can still judge the winner.

    Args:
        space: a `SearchSpace`, or an architecture's name for its default space.
        data: whatever `kerascnn.load_data` takes, except a `tf.data.Dataset`.
        tuner: "random", "bayesian", "hyperband" or "grid".
        trials: how many candidates at most; hyperband and grid may end earlier.
        epochs: passes over the training images for each.
        directory: where keras-tuner keeps the trials.
        seed: of the choice of candidates, weights, order and validation images.
        overwrite: replace an earlier search in that directory.
        verbose: show trials and epochs.

    Raises:
        UsageError: an argument is unknown or out of range.
        DataError: the data cannot be divided.
        MismatchError: classes or channels of space and data do not fit.
        OutputError: the directory is occupied or cannot be written.
        KerasCNNError: no trial completed; the message has the first one's failure.
    """
    if tuner not in TUNERS:
        raise UsageError(f"tuner={tuner!r}; it must be one of {', '.join(TUNERS)}")
    for name, value in ("trials", trials), ("epochs", epochs):
        if not isinstance(value, int) or value < 1:
            raise UsageError(f"{name}={value!r}; it must be a whole number from 1")
    refuse_occupied(directory, overwrite=overwrite)
    data = load_data(data, seed=seed)
    space = _fitted(SearchSpace(space) if isinstance(space, str) else space, data)
    training, validation = _hold_out(data, seed)
    variant = model_info(space.name)
    preprocessing = Preprocessing.for_data(
        data.image_shape, space.input_shape or variant.input_shape, variant.preprocessing
    )
    keras.utils.set_random_seed(seed)
    engine = TUNERS[tuner](
        space,
        objective="val_accuracy",
        seed=seed,
        directory=os.fspath(directory),
        project_name="trials",
        overwrite=overwrite,
        max_consecutive_failed_trials=trials + 1,  # failures are counted at the end
        **({"max_epochs": epochs} if tuner == "hyperband" else {"max_trials": trials}),
    )
    engine.oracle.max_trials = trials  # Hyperband has no argument for it
    engine.search(
        pipeline(training, preprocessing, batch_size=BATCH_SIZE, training=True, seed=seed),
        validation_data=pipeline(validation, preprocessing, batch_size=256, training=False),
        epochs=epochs,
        steps_per_epoch=math.ceil(len(training) / BATCH_SIZE),
        shuffle=False,
        verbose=2 if verbose else 0,
    )
    return _result(engine, Path(directory))


def _fitted(space: SearchSpace, data: Data) -> SearchSpace:
    """Returns the space with the data's number of classes."""
    count = len(data.class_names)
    if space.classes not in (None, count):
        raise MismatchError(
            f"the space has {space.classes} classes, but {data.name} has {count}; leave classes out"
        )
    space = copy.copy(space)
    space.classes = count
    return space


def _hold_out(data: Data, seed: int) -> tuple[Split, Split]:
    """Returns the training images in two parts: to train on, and to score by."""
    images, labels = data.train.images, data.train.labels
    if labels is None or not hasattr(images, "__getitem__"):
        raise DataError(
            f"{data.name} cannot be divided for validation; give arrays, files or a named source"
        )
    parts = held_out(labels, VALIDATION_FRACTION, seed)[:2]
    if isinstance(images, tuple):
        chosen = [tuple(images[index] for index in part) for part in parts]
        return Split(chosen[0], labels[parts[0]]), Split(chosen[1], labels[parts[1]])
    return Split(images[parts[0]], labels[parts[0]]), Split(images[parts[1]], labels[parts[1]])


def _result(engine: keras_tuner.Tuner, directory: Path) -> SearchResult:
    found = []
    for trial_id in engine.oracle.end_order:
        trial = engine.oracle.get_trial(trial_id)
        # keras-tuner keeps the whole traceback; its last line is the reason.
        failure = (trial.message or "no score").strip().splitlines()[-1]
        completed = trial.status == "COMPLETED"
        found.append(
            Trial(
                dict(trial.hyperparameters.values),
                float(trial.score) if completed else None,
                "" if completed else failure,
            )
        )
    if not any(trial.score is not None for trial in found):
        first = found[0].failure if found else "none was started"
        raise KerasCNNError(f"none of {len(found)} trials completed; the first: {first[:250]}")
    return SearchResult(tuple(found), directory, engine)
