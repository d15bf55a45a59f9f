"""What the plots of a search say: which axis matters."""

from __future__ import annotations

import pytest

from kerascnn.tuning import SearchSpace, Trial, plots


def test_importance_finds_the_axis_that_matters() -> None:
    space = SearchSpace("convnet", n=(1, 2, 3), filters=(8, 16, 32), k=(0, 1))
    trials = [
        Trial(str(i), values, 0.5 + 0.1 * values["filters"] / 32 + 0.001 * values["n"])
        for i, values in enumerate(space.sample(40, seed=2))
    ]
    shares = plots.importance(trials, space.axes)
    assert next(iter(shares)) == "filters"
    assert shares["filters"] > 0.8
    assert sum(shares.values()) == pytest.approx(1)
    assert plots.importance(trials[:5], space.axes) == {}
