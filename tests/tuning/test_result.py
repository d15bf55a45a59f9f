"""The result of a search: true scores, kept budgets, failures that are never the best."""

from __future__ import annotations

import pytest

import kerascnn
from kerascnn.data.sources.dataset import held_out
from kerascnn.tuning import SearchResult


def test_scores_are_true(searched: SearchResult) -> None:
    # The best model, asked again about the images that scored it.
    data = kerascnn.load_data("digits", seed=0)
    kept, scored, _ = held_out(data.train.labels, 0.2, 0)
    assert not set(kept) & set(scored)
    model = searched.best_model()
    held = (data.train.images[scored], data.train.labels[scored])
    metrics = kerascnn.evaluate(model, (held, held))
    assert metrics["accuracy"] == pytest.approx(searched.best.score, abs=1e-6)
    assert metrics["loss"] == pytest.approx(searched.best.metrics["val_loss"], abs=1e-4)


def test_every_candidate_keeps_the_budget(searched: SearchResult) -> None:
    assert len(searched.trials) == 3
    for trial in searched.trials:
        assert searched.space.price(trial.values).params <= 30_000
    assert searched.best.params == searched.best_model().count_params()


def test_a_failure_is_told_and_never_the_best(searched: SearchResult) -> None:
    failed = [trial for trial in searched.trials if trial.score is None]
    assert [trial.reason for trial in failed] == ["out of memory: no room for the weights"]
    assert searched.best.score == max(trial.score for trial in searched.completed)
    assert searched.best.trial != failed[0].trial
