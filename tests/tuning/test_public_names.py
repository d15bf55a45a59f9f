"""The names of kerascnn.tuning are found when they are asked for."""

from __future__ import annotations

import sys

import keras_tuner
import pytest

from kerascnn.tuning import SearchSpace


def test_names_are_found_lazily() -> None:
    import kerascnn.tuning

    assert kerascnn.tuning.SearchSpace is SearchSpace
    assert issubclass(SearchSpace, keras_tuner.HyperModel)
    assert {"SearchSpace", "search", "Budget"} <= set(dir(kerascnn.tuning))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = kerascnn.tuning.nothing
    assert sys.modules["kerascnn.tuning.space"].SearchSpace is SearchSpace
