"""What a search proposes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kerascnn.tuning import Budget, SearchSpace
from kerascnn.tuning.oracles import ORACLES


@pytest.mark.parametrize("tuner", list(ORACLES))
def test_oracles_propose_only_what_fits_and_nothing_twice(tuner: str, tmp_path: Path) -> None:
    space = SearchSpace("convnet", n=(1, 2), filters=(8, 16, 32), filter_size=(3, 5), k=(0, 1))
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
    space = SearchSpace("convnet", n=(1, 2), filters=(8, 16))
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
