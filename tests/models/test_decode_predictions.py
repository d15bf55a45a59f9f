"""Names for scores."""

from __future__ import annotations

import numpy as np
import pytest

import kerascnn
from kerascnn.errors import MismatchError, UsageError


def test_the_likeliest_come_first_and_ties_keep_their_order():
    scores = np.array([[0.1, 0.6, 0.3], [0.4, 0.2, 0.4]], "float32")
    kept = scores.copy()
    named = kerascnn.decode_predictions(scores, ["ant", "bee", "cat"], top=2)
    assert [[name for name, _ in row] for row in named] == [["bee", "cat"], ["ant", "cat"]]
    assert named[0][0][1] == pytest.approx(0.6)
    np.testing.assert_array_equal(scores, kept)


def test_top_is_at_most_all_classes():
    assert len(kerascnn.decode_predictions(np.zeros((1, 3)), "abc", top=10)[0]) == 3
    assert kerascnn.decode_predictions(np.zeros((0, 3)), "abc") == []


def test_refusals():
    with pytest.raises(MismatchError, match=r"\(2, 3\) for 2 class names"):
        kerascnn.decode_predictions(np.zeros((2, 3)), ["a", "b"])
    with pytest.raises(UsageError, match="top must be"):
        kerascnn.decode_predictions(np.zeros((2, 3)), "abc", top=0)
