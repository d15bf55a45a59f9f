"""What a training makes of its data: the size of batches."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kerascnn.errors import (
    UsageError,
)
from kerascnn.training.input import fit_batch, validation_batch
from support.trainings import RECIPE


def test_a_batch_is_no_larger_than_the_data_and_cut_evenly():
    assert fit_batch(RECIPE, 100, 1).batch_size == 16
    assert fit_batch(RECIPE, 10, 1).batch_size == 10
    assert fit_batch(RECIPE, 11, 4).batch_size == 11  # filled up with images of no weight
    with pytest.raises(UsageError, match="cannot be divided among 3 replicas; use 15"):
        fit_batch(RECIPE, 100, 3)
    with pytest.raises(UsageError, match="among 2 replicas with 5 parts each; use 10"):
        fit_batch(replace(RECIPE, accumulate=5), 100, 2)
    assert validation_batch(10_000, 1, limit=256) == 256
    assert validation_batch(10, 4, limit=256) == 8
    assert validation_batch(3, 4, limit=256) == 4
