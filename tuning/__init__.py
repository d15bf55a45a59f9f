"""Hyper-parameter search over depth, width and filter size, with keras-tuner.

    from kerascnn.tuning import Budget, Range, SearchSpace, search
    space = SearchSpace("lenet5", width=Range(0.25, 2.0), kernel_size=(3, 5, 7))
    result = search(space, "digits", budget=Budget(params=60_000), trials=12)

Importing this package imports neither Keras nor keras-tuner; using one of its names does.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_HOMES = {
    "Budget": "kerascnn.tuning.budget",
    "Price": "kerascnn.tuning.budget",
    "Range": "kerascnn.tuning.axes",
    "SearchResult": "kerascnn.tuning.result",
    "SearchSpace": "kerascnn.tuning.space",
    "Trial": "kerascnn.tuning.trial",
    "pareto": "kerascnn.tuning.trial",
    "search": "kerascnn.tuning.run_search",
}

if TYPE_CHECKING:
    from kerascnn.tuning.axes import Range as Range
    from kerascnn.tuning.budget import Budget as Budget
    from kerascnn.tuning.budget import Price as Price
    from kerascnn.tuning.result import SearchResult as SearchResult
    from kerascnn.tuning.run_search import search as search
    from kerascnn.tuning.space import SearchSpace as SearchSpace
    from kerascnn.tuning.trial import Trial as Trial
    from kerascnn.tuning.trial import pareto as pareto
else:  # a checker that saw this would take any mistyped name for a public one

    def __getattr__(name: str) -> Any:
        if name in _HOMES:
            return getattr(importlib.import_module(_HOMES[name]), name)
        raise AttributeError(f"module 'kerascnn.tuning' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*(name for name in globals() if name.startswith("__")), *_HOMES])
