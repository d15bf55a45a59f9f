"""An evaluation of 400 images of seven classes, to be compared with other libraries."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn.evaluation.metrics import Outcomes


@pytest.fixture(scope="module")
def probabilities():
    scores = np.random.default_rng(3).normal(size=(400, 7)) * 2
    return np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)


@pytest.fixture(scope="module")
def labels():
    """Class 5 never occurs."""
    return np.random.default_rng(4).choice([0, 1, 2, 3, 4, 6], 400)


@pytest.fixture(scope="module")
def outcomes(probabilities, labels):
    parts = [slice(0, 150), slice(150, 399), slice(399, 400)]
    logs = np.log(probabilities)
    return Outcomes.joined([Outcomes.of(logs[part], labels[part]) for part in parts])
