"""Logarithms of probabilities, of one network and averaged over several."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn.models.scores import log_probabilities, mean_log_probabilities


def test_the_loss_of_a_certain_mistake_is_exact_from_logits_and_finite_without():
    huge = log_probabilities(np.array([[1e4, -1e4]]), logits=True)
    assert huge[0, 1] == pytest.approx(-2e4)
    wrong = log_probabilities(np.array([[1.0, 0.0]], "float32"), logits=False)
    assert wrong[0, 1] == pytest.approx(-126 * np.log(2))  # the least normal number of float32


def test_an_ensemble_averages_probabilities():
    parts = [np.random.default_rng(seed).normal(size=(9, 4)) * 30 for seed in range(7)]
    logs = [log_probabilities(part, logits=True) for part in parts]
    shifted = [np.exp(part - part.max(axis=1, keepdims=True)) for part in parts]
    mean = np.mean([path / path.sum(axis=1, keepdims=True) for path in shifted], axis=0)
    np.testing.assert_allclose(np.exp(mean_log_probabilities(logs)), mean, rtol=1e-9, atol=1e-300)
    far = mean_log_probabilities([np.array([[-2000.0, 0.0]]), np.array([[-1000.0, 0.0]])])
    assert far[0, 0] == pytest.approx(-1000 - np.log(2))  # neither is a number of float64
