"""What a search proposes, when it ends a trial, and what it reads out of those that ended."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kerascnn.errors import UsageError
from kerascnn.tuning import Budget, SearchSpace, Trial, pareto, plots
from kerascnn.tuning.oracles import ORACLES
from kerascnn.tuning.trial_callback import TrialRecorder


def convnet(**axes: Any) -> SearchSpace:
    return SearchSpace("convnet", **axes)


@pytest.mark.parametrize("tuner", list(ORACLES))
def test_oracles_propose_only_what_fits_and_nothing_twice(tuner: str, tmp_path: Path) -> None:
    space = convnet(n=(1, 2), filters=(8, 16, 32), filter_size=(3, 5), k=(0, 1))
    space.budget = Budget(params=40_000)
    options = {"max_epochs": 4} if tuner == "hyperband" else {"max_trials": 40}
    oracle = ORACLES[tuner](space, objective="val_accuracy", seed=1, **options)
    oracle._set_project_dir(str(tmp_path), "trials")
    oracle.verbose = 0
    seen = []
    while (trial := oracle.create_trial("me")).status == "RUNNING":
        values = {k: v for k, v in trial.hyperparameters.values.items() if "tuner" not in k}
        assert space.fits(values)
        if "tuner/trial_id" not in trial.hyperparameters.values:
            seen.append(tuple(sorted(values.items())))
        score = space.price(values).params / 40_000
        oracle.update_trial(trial.trial_id, {"val_accuracy": score})
        trial.status = "COMPLETED"
        oracle.end_trial(trial)
    assert len(set(seen)) == len(seen)
    every = 24 * space.coverage().share
    assert len(seen) == (round(every) if tuner != "hyperband" else len(seen))
    best = oracle.get_best_trials(1)[0]
    if tuner != "hyperband":
        fitting = list(space.sample(500))
        assert best.score == max(space.price(v).params for v in fitting) / 40_000


def test_a_latency_bound_is_measured_once(tmp_path: Path) -> None:
    space = convnet(n=(1, 2), filters=(8, 16))
    space.budget = Budget(latency=0.5)
    asked = []

    def latency(values: dict[str, Any]) -> float:
        asked.append(values)
        return 1.0 if values["n"] == 2 else 0.1

    oracle = ORACLES["random"](space, latency, objective="val_accuracy", max_trials=4, seed=1)
    oracle._set_project_dir(str(tmp_path), "trials")
    oracle.verbose = 0
    proposed = []
    for worker in "abc":
        trial = oracle.create_trial(worker)
        if trial.status == "RUNNING":
            proposed.append(trial.hyperparameters.values["n"])
    assert proposed == [1, 1]
    assert {values["n"] for values in asked} == {1, 2}


def outcome(scores: list[float]) -> dict[str, Any]:
    return {"status": "COMPLETED", "history": {"val_accuracy": scores}}


def test_poor_trials_are_stopped_by_the_median_rule(tmp_path: Path) -> None:
    for place, scores in enumerate(([0.2, 0.4, 0.6], [0.3, 0.5, 0.7], [0.5, 0.7, 0.9], [0.1] * 3)):
        directory = tmp_path / "trials" / f"trial_{place}"
        directory.mkdir(parents=True)
        (directory / "outcome.json").write_text(json.dumps(outcome(scores)))
    mine = tmp_path / "trials" / "trial_9"
    mine.mkdir()
    record = TrialRecorder(mine, None, 3, 0, True)  # type: ignore[arg-type]
    # Means until the second epoch: 0.3, 0.4, 0.6, 0.1; their median is 0.35.
    for best, poor in ((0.34, True), (0.36, False)):
        record.best = (best, 0.0)
        assert record._poor(2) is poor
    record.best = (0.0, 0.0)
    assert not record._poor(1)
    assert not record._poor(3)  # it ends here anyway


def points(*pairs: tuple[float | None, int]) -> list[Trial]:
    return [Trial(str(i), {}, score, macs=macs) for i, (score, macs) in enumerate(pairs)]


def test_the_pareto_front_against_brute_force() -> None:
    random = np.random.default_rng(0)
    scores, macs = random.integers(0, 20, 60) / 20, random.integers(1, 30, 60)
    drawn = [(float(score), int(cost)) for score, cost in zip(scores, macs, strict=True)]
    trials = points(*drawn, (None, 1))
    front = {(trial.score, trial.macs) for trial in pareto(trials, "macs")}
    done = [trial for trial in trials if trial.score is not None]
    expected = {
        (trial.score, trial.macs)
        for trial in done
        if not any(
            (rival.score >= trial.score and rival.macs < trial.macs)
            or (rival.score > trial.score and rival.macs <= trial.macs)
            for rival in done
        )
    }
    assert front == expected
    with pytest.raises(UsageError, match="params, macs"):
        pareto(trials, "price")


def test_importance_finds_the_axis_that_matters() -> None:
    space = convnet(n=(1, 2, 3), filters=(8, 16, 32), k=(0, 1))
    trials = [
        Trial(str(i), values, 0.5 + 0.1 * values["filters"] / 32 + 0.001 * values["n"])
        for i, values in enumerate(space.sample(40, seed=2))
    ]
    shares = plots.importance(trials, space.axes)
    assert next(iter(shares)) == "filters"
    assert shares["filters"] > 0.8
    assert sum(shares.values()) == pytest.approx(1)
    assert plots.importance(trials[:5], space.axes) == {}
