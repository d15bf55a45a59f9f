"""Runs a search: all trials in one process, or one chief and several workers."""

from __future__ import annotations

import copy
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerascnn.data.load import load_data
from kerascnn.data.sources.dataset import Data
from kerascnn.errors import Interrupted, MismatchError, OutputError, UsageError
from kerascnn.fileio.atomic import refuse_occupied
from kerascnn.fileio.json import read_json, write_compact_json
from kerascnn.models.input_size import input_shape_for
from kerascnn.recipes.lookup import Recipe, resolve_recipe
from kerascnn.training.strategy import resolve_precision, resolve_strategy, strategy_name
from kerascnn.training.training_setup import TrainingSetup
from kerascnn.tuning.budget import RUNTIMES, Budget
from kerascnn.tuning.chief import search_role, serve
from kerascnn.tuning.latency import LatencyMeter
from kerascnn.tuning.oracles import ORACLES, BudgetOracle
from kerascnn.tuning.progress import SearchProgress
from kerascnn.tuning.report import write_results
from kerascnn.tuning.result import SearchResult, read_trials
from kerascnn.tuning.search_files import (
    BEST,
    LATENCIES,
    REPORT,
    RESULTS,
    STATE,
    TRIALS,
)
from kerascnn.tuning.space import SearchSpace
from kerascnn.tuning.trial_runner import TrialSettings, TrialTuner
from kerascnn.tuning.validation_split import hold_out


@dataclass(frozen=True)
class SearchOptions:
    """The options of a search, apart from the space, the data and the training.

    Args:
        tuner: name of the oracle that proposes candidates, one of `ORACLES`.
        trials: largest number of candidates.
        directory: the search's directory.
        stop_poor: end trials that are worse than others.
        latency: runtime on which to measure every trial; None to measure only for a bound.
        overwrite: replace an earlier search in the directory.
        verbose: show trials and epochs.
    """

    tuner: str
    trials: int
    directory: Path
    stop_poor: bool
    latency: str | None
    overwrite: bool
    verbose: bool


def search(
    space: SearchSpace | str,
    data: Any,
    *,
    budget: Budget | None = None,
    tuner: str = "random",
    trials: int = 10,
    epochs: int = 5,
    recipe: str | Recipe = "default",
    precision: str = "auto",
    strategy: Any = "auto",
    stop_poor: bool = True,
    latency: str | None = None,
    directory: str | os.PathLike[str] = "search",
    seed: int = 0,
    overwrite: bool = False,
    verbose: bool = True,
    chief: str | None = None,
    worker: str | None = None,
) -> SearchResult | None:
    """Trains candidates of a search space, and writes all results to a directory.

    A fifth of the training images of every class is held out to score the trials. The test images
    are not used, so they can evaluate the winner. The same search in the same directory is resumed:
    finished trials are kept, and interrupted ones are repeated. A trial that crashes, runs out of
    memory or becomes NaN counts as failed, with its reason, and the search continues.

    Args:
        space: a `SearchSpace`, or an architecture's name for its default space, which is built for
            the data's images as `kerascnn.train` does.
        data: anything that `kerascnn.load_data` accepts, except a `tf.data.Dataset`.
        budget: upper bounds; None for the space's own. Candidates over budget are never built.
        tuner: "random", "bayesian", "hyperband" or "grid".
        trials: largest number of candidates; hyperband and grid may end earlier.
        epochs: passes over the training images for each candidate.
        recipe: recipe of the training, for what the space has no axis for.
        precision, strategy: as in `kerascnn.train`.
        stop_poor: end a trial if its best accuracy is below the median, over the completed trials,
            of their mean accuracy up to the same epoch. Not with "hyperband", which has its own
            rule.
        latency: "keras" or "onnx", to measure the seconds for one image of every trial.
        directory: the search's directory; on several machines a directory that they share.
        seed: seed of the candidates, of each trial, and of the validation images.
        overwrite: replace an earlier search in that directory.
        verbose: show trials and epochs.
        chief: HOST:PORT of the chief, which hands out trials. Without `worker` this process is the
            chief, and trains nothing.
        worker: id of this worker; use the same id when it is restarted.

    Returns:
        The result; None for a worker, since the chief has the result.

    Raises:
        UsageError: an argument is unknown or out of range, or no network is within the budget.
        DataError: the data cannot be divided.
        MismatchError: classes or channels differ between space and data.
        OutputError: the directory has other files or cannot be written.
        KerasCNNError: no trial completed; the message has the reason of the first failure.
        Interrupted: Ctrl-C or SIGTERM; the same call without `overwrite` resumes it.
    """
    _check(tuner, trials, epochs, latency)
    if strategy == "multiworker":
        raise UsageError(
            'strategy="multiworker" trains one network on several machines; a search gives each '
            "machine trials of its own: use chief and worker instead"
        )
    if chief is None and worker is not None:
        raise UsageError("worker needs chief: give the chief's address, HOST:PORT")
    setup = TrainingSetup(
        resolve_recipe(recipe, epochs=epochs),
        resolve_precision(precision, None),
        resolve_strategy(strategy, None),
        seed=seed,
    )
    stop_poor = stop_poor and tuner != "hyperband"
    options = SearchOptions(tuner, trials, Path(directory), stop_poor, latency, overwrite, verbose)
    with search_role(chief, worker) as role:
        return _search(space, data, budget, setup, options, role)


def _search(
    space: SearchSpace | str,
    data: Any,
    budget: Budget | None,
    setup: TrainingSetup,
    options: SearchOptions,
    role: str,
) -> SearchResult | None:
    """Runs a search in a role: "alone", "chief" or "worker"."""
    directory, worker = options.directory, role == "worker"
    state = read_json(directory / STATE)
    if state is None and not worker and (not directory.is_dir() or _holds_files(directory)):
        refuse_occupied(directory, overwrite=options.overwrite)
    data = load_data(data, seed=setup.seed)
    space = _fitted(space, data, budget, setup.recipe.batch_size)
    settings = TrialSettings(hold_out(data, setup.seed), setup, options.stop_poor)
    config = _config(space, data, settings, options)
    if not worker:
        _claim(options, state, config)
    runtime = options.latency or (space.budget.runtime if space.budget.latency else None)
    meter = None if runtime is None else LatencyMeter(space, runtime, directory / LATENCIES)
    reporter = SearchProgress(options.trials) if options.verbose else None
    oracle = _oracle(space, setup, options, meter)
    runner = TrialTuner(oracle, space, settings, directory, reporter)
    try:
        if reporter is not None and not worker:
            reporter.say(f"{_title(space, options.tuner)} on {data.name}: {space.coverage()}")
        if role == "chief":
            over = _serve(runner, oracle, reporter)
        else:
            if role == "alone":
                oracle.release(-1.0, keep=runner.tuner_id)
            runner.search()
            over = True
    except Interrupted as error:
        raise Interrupted(
            f"stopped by {error}; {directory} is kept: run {_command(options)} to resume"
        ) from None
    finally:
        if reporter is not None:
            reporter.close()
    if worker:
        return None
    if not over:
        raise Interrupted(f"stopped; {directory} is kept: run {_command(options)} to resume")
    result = SearchResult(read_trials(directory, meter), directory, space, settings)
    write_results(result)
    _set_state(directory, config, "finished")
    if reporter is not None:
        best = result.best
        reporter.say(f"best trial {best.trial}: {best.score:.2%}; see {directory / REPORT}")
    return result


def _command(options: SearchOptions) -> str:
    """Returns which command resumes the search."""
    return f"the same command{' without --overwrite' if options.overwrite else ''}"


def _holds_files(directory: Path) -> bool:
    # Workers that started before the chief may have created directories.
    return any(path.is_file() for path in directory.rglob("*"))


def _check(tuner: str, trials: int, epochs: int, latency: str | None) -> None:
    if tuner not in ORACLES:
        raise UsageError(f"tuner={tuner!r}; it must be one of {', '.join(ORACLES)}")
    for name, value in ("trials", trials), ("epochs", epochs):
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise UsageError(f"{name}={value!r}; it must be a whole number from 1")
    if latency not in (None, *RUNTIMES):
        raise UsageError(f"latency={latency!r}; it must be one of {', '.join(RUNTIMES)}")


def _fitted(
    space: SearchSpace | str, data: Data, budget: Budget | None, batch_size: int
) -> SearchSpace:
    """Returns the space for the classes of the data and, if it names no shape, for its images."""
    if isinstance(space, str):
        space = SearchSpace(space)
    count = len(data.class_names)
    if space.classes not in (None, count):
        raise MismatchError(
            f"the space has {space.classes} classes, but {data.name} has {count}; omit classes"
        )
    space = copy.copy(space)
    space.batch_size = batch_size
    if budget is not None:
        space.budget = budget
    shape: Any = space.input_shape
    if shape is None:
        shape = {
            name: input_shape_for(variant, data.image_shape)
            for name, variant in space.variants.items()
        }
        space.extra_arguments = {"stem": "auto"}
    space.fit_to(shape, count)
    return space


def _config(
    space: SearchSpace, data: Data, settings: TrialSettings, options: SearchOptions
) -> dict[str, Any]:
    """Returns what identifies a search, for search.json."""
    setup = settings.setup
    return {
        "models": list(space.rows),
        "axes": {axis.name: str(axis.domain) for axis in space.axes},
        "input_shape": str(space.input_shape),
        "budget": str(space.budget),
        "tuner": options.tuner,
        "trials": options.trials,
        "epochs": setup.recipe.epochs,
        "recipe": setup.recipe.to_json(),
        "precision": setup.policy,
        "strategy": strategy_name(setup.strategy),
        "stop_poor": settings.stop_poor,
        "seed": setup.seed,
        "data": {"name": data.name, "fingerprint": data.fingerprint},
    }


def _claim(options: SearchOptions, state: Mapping[str, Any] | None, config: dict[str, Any]) -> None:
    """Makes the directory this search's, or checks that it is; the number of trials may change."""
    directory = options.directory
    if state is not None and options.overwrite:
        shutil.rmtree(directory / TRIALS, ignore_errors=True)
        for name in (LATENCIES, BEST, RESULTS, REPORT):
            (directory / name).unlink(missing_ok=True)
        state = None
    if state is not None:
        for name, value in config.items():
            if name != "trials" and state.get(name) != value:
                raise OutputError(
                    f"{directory} has another search: its {name} is {str(state.get(name))[:80]}, "
                    f"not {str(value)[:80]}; choose another directory, or use --overwrite"
                )
    _set_state(directory, config, "running")


def _set_state(directory: Path, config: dict[str, Any], state: str) -> None:
    """Writes search.json: what is searched, and whether it is "running" or "finished"."""
    write_compact_json(directory / STATE, {**config, "state": state})


def _oracle(
    space: SearchSpace, setup: TrainingSetup, options: SearchOptions, meter: LatencyMeter | None
) -> BudgetOracle:
    # Enough iterations of Hyperband for any number of trials.
    hyperband = {"max_epochs": setup.recipe.epochs, "hyperband_iterations": 1000}
    limit = hyperband if options.tuner == "hyperband" else {"max_trials": options.trials}
    oracle = ORACLES[options.tuner](
        space,
        meter if space.budget.latency else None,
        objective="val_accuracy",
        seed=setup.seed + 1,  # keras-tuner treats 0 as no seed
        # Failures are reported at the end; keras-tuner would raise while it holds its lock.
        max_consecutive_failed_trials=10**9,
        **limit,
    )
    oracle.max_trials = options.trials  # Hyperband has no argument for it
    return oracle


def _serve(runner: TrialTuner, oracle: BudgetOracle, reporter: SearchProgress | None) -> bool:
    """Hands out trials as the chief; returns whether the search is complete."""
    runner.save()
    say = reporter.say if reporter is not None else lambda line: None
    with runner.stop.listening():
        return serve(oracle, say=say, stopping=lambda: runner.stop.signal is not None)


def _title(space: SearchSpace, tuner: str) -> str:
    return f"{tuner} search of {', '.join(space.rows)} ({space.budget})"
