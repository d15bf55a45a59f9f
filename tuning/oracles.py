"""keras-tuner's oracles, which propose only candidates within the budget and survive a crash.

Written for keras-tuner 1.4.8; they use or override its methods `_random_values`, `_save_trial` and
`_compute_values_hash`. In keras-tuner's own oracles:

- a model beyond the budget uses up a trial (keras-tuner#175, #989);
- files are overwritten in place, so a kill in the middle of a write loses the search;
- a trial that had ended when the chief died is run again, since `end_trial` saves before it removes
  the trial from the running ones; a trial that dies between two writes is never run;
- a grid search loses its position, and so does a chief that reloads one.
"""

from __future__ import annotations

import functools
import itertools
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import keras_tuner
import numpy as np

from kerascnn.fileio.json import write_compact_json
from kerascnn.tuning.axes import all_candidates, draw
from kerascnn.tuning.candidates import EXACT_LIMIT
from kerascnn.tuning.space import SearchSpace

ENDED = ("COMPLETED", "FAILED")
BAYESIAN_DRAWS = 500
"""Number of candidates of which the Bayesian oracle proposes the most promising."""


def synchronized(method: Callable[..., Any]) -> Callable[..., Any]:
    """Like keras-tuner's decorator, but releases the lock if the method raises an error."""

    @keras_tuner.synchronized
    @functools.wraps(method)
    def locked(self: Any, *arguments: Any, **keywords: Any) -> tuple[Any, Exception | None]:
        try:
            return method(self, *arguments, **keywords), None
        except Exception as error:
            return None, error

    @functools.wraps(method)
    def released(self: Any, *arguments: Any, **keywords: Any) -> Any:
        result, error = locked(self, *arguments, **keywords)
        if error is not None:
            raise error
        return result

    return released


class BudgetOracle(keras_tuner.Oracle):
    """The common part of all oracles; must precede keras-tuner's class among the bases.

    Args:
        space: the search space; `space.fits` decides which candidates may be proposed.
        latency: latency(values) returns seconds; None if the budget does not bound it.
        **options: options of keras-tuner's oracle.
    """

    _retry_queue: list[str]

    def __init__(self, space: SearchSpace, latency: Any = None, **options: Any) -> None:
        self.space = space
        self.latency = latency
        self.seen: dict[str, float] = {}
        super().__init__(**options)
        space.declare_hyperparameters(self.hyperparameters)

    # -- only candidates within the budget ----------------------------------------------

    def admits(self, values: dict[str, Any]) -> bool:
        """Returns whether a candidate keeps all bounds; measures its latency if that is bounded."""
        if not self.space.fits(values):
            return False
        bound = self.space.budget.latency
        return bound is None or self.latency is None or self.latency(values) <= bound

    def _first_new(self, candidates: Any) -> dict[str, Any] | None:
        """Returns the first candidate that is new and within the budget."""
        for values in candidates:
            if not self._duplicate(values) and self.admits(values):
                return values
        return None

    def _draws(self, number: int) -> Any:
        """Yields `number` candidates, drawn from the seed and its counter."""
        for _ in range(number):
            self._seed_state += 1
            yield draw(self.space.axes, random.Random(f"{self.seed} {self._seed_state}"))

    def _random_values(self) -> dict[str, Any] | None:
        """Returns a new candidate within the budget, drawn uniformly; None if none is left."""
        values = self._first_new(self._draws(2000))
        if values is None and all(axis.all() is not None for axis in self.space.axes):
            left = [
                candidate
                for candidate, _ in itertools.islice(all_candidates(self.space.axes), EXACT_LIMIT)
                if not self._duplicate(candidate) and self.space.fits(candidate)
            ]
            random.Random(f"{self.seed} {self._seed_state}").shuffle(left)
            values = self._first_new(left)
        elif values is None:
            values = self._first_new(self._draws(EXACT_LIMIT))
        return values

    # -- state on the disk --------------------------------------------------------------

    def _save_trial(self, trial: Any) -> None:
        write_compact_json(
            Path(self._get_trial_dir(trial.trial_id)) / "trial.json", trial.get_state()
        )

    def save(self) -> None:
        write_compact_json(self._get_oracle_fname(), self.get_state())

    def reload(self) -> None:
        """Reads the state; running trials stay with their workers, ended ones are not run again."""
        super().reload()
        ongoing = self._stored_ongoing
        held = ongoing.values()
        self._retry_queue = [queued for queued in self._retry_queue if queued not in held]
        for tuner_id, trial_id in ongoing.items():
            if self.trials[trial_id].status not in ENDED:
                self.ongoing_trials[tuner_id] = self.trials[trial_id]
        running = {trial.trial_id for trial in self.ongoing_trials.values()}
        for trial_id, trial in sorted(self.trials.items()):
            if trial_id not in self.start_order:
                self.start_order.append(trial_id)
            if trial.status in ENDED:
                if trial_id not in self.end_order:
                    self.end_order.append(trial_id)
                self._retry_queue = [queued for queued in self._retry_queue if queued != trial_id]
            elif trial_id not in running and trial_id not in self._retry_queue:
                self._retry_queue.append(trial_id)
        self.tuner_ids = set(self.ongoing_trials)
        self.seen = {tuner_id: time.monotonic() for tuner_id in self.tuner_ids}

    _stored_ongoing: ClassVar[dict[str, str]] = {}

    def set_state(self, state: dict[str, Any]) -> None:
        self._stored_ongoing = dict(state["ongoing_trials"])  # type: ignore[misc]
        super().set_state(state)

    @synchronized
    def create_trial(self, tuner_id: str) -> Any:
        self.seen[tuner_id] = time.monotonic()
        trial = super().create_trial(tuner_id)
        if trial.status == "STOPPED" and not self.all_ended():
            # Trials of lost workers must be repeated, so no worker leaves before all have ended.
            self.tuner_ids.add(tuner_id)
            trial.status = "IDLE"
        return trial

    @synchronized
    def update_trial(self, trial_id: str, metrics: dict[str, float], step: int = 0) -> Any:
        return super().update_trial(trial_id, metrics, step)

    @synchronized
    def end_trial(self, trial: Any) -> None:
        """Ends a trial as keras-tuner does; a trial that another worker ended stays unchanged."""
        known = self.trials[trial.trial_id]
        if trial.trial_id not in self.end_order:
            # The worker's copy may have values of axes that do not apply.
            trial.hyperparameters = known.hyperparameters
            super().end_trial(trial)
            self._retry_queue = [queued for queued in self._retry_queue if queued != trial.trial_id]
            self.save()

    @synchronized
    def release(self, silence: float, keep: str = "") -> list[str]:
        """Releases the trials of workers, except `keep`, that were silent for `silence` seconds.

        Other workers then repeat these trials; keras-tuner would leave them running forever.

        Returns:
            The ids of the silent workers.
        """
        now = time.monotonic()
        lost = [
            tuner_id
            for tuner_id in self.tuner_ids
            if tuner_id != keep and now - self.seen.get(tuner_id, now) > silence
        ]
        for tuner_id in lost:
            trial = self.ongoing_trials.pop(tuner_id, None)
            if trial is not None and trial.status not in ENDED:
                self._retry_queue.append(trial.trial_id)
            self.tuner_ids.discard(tuner_id)
        if lost:
            self.save()
        return lost

    @synchronized
    def record_heartbeat(self, trial_id: str) -> None:
        """Records a heartbeat of the worker that runs a trial."""
        for tuner_id, trial in self.ongoing_trials.items():
            if trial.trial_id == trial_id:
                self.seen[tuner_id] = time.monotonic()

    @synchronized
    def all_ended(self) -> bool:
        """Returns whether all trials have ended: none is running or waits to be repeated."""
        return not self.ongoing_trials and not self._retry_queue


class RandomOracle(BudgetOracle, keras_tuner.oracles.RandomSearchOracle):
    """Draws candidates within the budget uniformly."""


class HyperbandOracle(BudgetOracle, keras_tuner.oracles.HyperbandOracle):
    """Trains many candidates for few epochs, and the best of them for more (Li 2018, JMLR 18)."""


class BayesianOracle(BudgetOracle, keras_tuner.oracles.BayesianOptimizationOracle):
    """Proposes the most promising of `BAYESIAN_DRAWS` candidates, by a Gaussian process.

    keras-tuner's own oracle maximizes over the continuous cube. That maximum may be a network
    beyond the budget, or one that was tried before.
    """

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        completed = [trial for trial in self.trials.values() if trial.status == "COMPLETED"]
        initial_points = self.num_initial_points or max(3 * len(self._nonfixed_space()), 3)
        if len(completed) < initial_points:
            return super()._random_populate_space()
        x, y = (np.nan_to_num(part, posinf=0, neginf=0) for part in self._vectorize_trials())
        self.gpr.fit(x, y)
        drawn = [
            values for values in self._draws(4 * BAYESIAN_DRAWS) if not self._duplicate(values)
        ]
        fitting = [candidate for candidate in drawn if self.space.fits(candidate)][:BAYESIAN_DRAWS]
        if not fitting:
            return super()._random_populate_space()
        mean, deviation = self.gpr.predict(
            np.array([self._vector(candidate) for candidate in fitting]), return_std=True
        )
        order = np.argsort(np.ravel(mean) - self.beta * np.ravel(deviation))
        values = self._first_new(fitting[place] for place in order)
        if values is None:
            return super()._random_populate_space()
        return {"status": "RUNNING", "values": values}

    def _vector(self, values: dict[str, Any]) -> list[float]:
        return [hp.value_to_prob(values.get(hp.name, hp.default)) for hp in self._nonfixed_space()]


class GridOracle(BudgetOracle, keras_tuner.oracles.GridSearchOracle):
    """Proposes all candidates within the budget, in order; ten values of a continuous axis."""

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        values = self._first_new(_grid(self.space.axes))
        if values is not None:
            return {"status": "RUNNING", "values": values}
        return {"status": "IDLE" if self.ongoing_trials else "STOPPED", "values": None}


def _grid(axes: Any) -> Any:
    stack: list[tuple[int, dict[str, Any]]] = [(0, {})]
    while stack:
        place, values = stack.pop()
        if place == len(axes):
            yield values
            continue
        axis = axes[place]
        if not axis.active(values):
            stack.append((place + 1, values))
            continue
        labels = axis.all() or [axis.at(0.05 + 0.1 * step) for step in range(10)]
        first = axis.start()
        ordered = sorted(labels, key=lambda label: label != first)  # the default first
        stack += [(place + 1, {**values, axis.name: label}) for label in reversed(ordered)]


ORACLES: dict[str, type[BudgetOracle]] = {
    "random": RandomOracle,
    "bayesian": BayesianOracle,
    "hyperband": HyperbandOracle,
    "grid": GridOracle,
}
