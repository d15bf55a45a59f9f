"""Single trials: seeds, failures told by their reason, and memory given back."""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from kerascnn.tuning import SearchResult, SearchSpace, search
from kerascnn.tuning.trial_runner import _reason
from support.search_spaces import small_convnets


def test_a_device_without_memory_is_told_as_such() -> None:
    error = tf.errors.ResourceExhaustedError(None, None, "OOM when allocating\nshape[64,112,112]")
    assert _reason(error) == "out of memory: OOM when allocating"


def test_trials_have_seeds_of_their_own(searched: SearchResult) -> None:
    assert len({trial.seed for trial in searched.trials}) == 3
    assert [searched.settings.trial_seed(trial.trial) for trial in searched.trials] == [
        trial.seed for trial in searched.trials
    ]


def test_a_trials_network_is_gone_before_the_next_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build, references, alive = SearchSpace.network_of, [], []

    def watched(space: SearchSpace, values: Any) -> Any:
        alive.append(sum(reference() is not None for reference in references))
        model = build(space, values)
        references.append(weakref.ref(model))
        return model

    monkeypatch.setattr(SearchSpace, "network_of", watched)
    space = small_convnets(learning_rate=(1e-3, 2e-3), n=(1,), filters=(8,))
    call: dict[str, Any] = {"epochs": 1, "directory": tmp_path / "x", "verbose": False}
    search(space, "digits", tuner="grid", trials=2, **call)
    assert alive == [0, 0]


def test_nan_fails_a_trial(tmp_path: Path) -> None:
    space = small_convnets(learning_rate=(1e30, 1e-3), n=(1,), filters=(8,))
    result = search(
        space, "digits", tuner="grid", trials=2, epochs=1, directory=tmp_path / "x", verbose=False
    )
    assert result is not None
    by_rate = {trial.values["learning_rate"]: trial for trial in result.trials}
    assert by_rate[1e30].score is None
    assert "loss became" in by_rate[1e30].reason
    assert result.best is by_rate[1e-3]
