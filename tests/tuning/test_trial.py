"""The trials that no other beats at once in score and cost."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn.errors import UsageError
from kerascnn.tuning import Trial, pareto


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
