"""Hyper-parameter search over depth, width and filter size, on keras-tuner.

    from kerascnn.tuning import SearchSpace, search
    result = search(SearchSpace("lenet5", width=(0.5, 1.0, 2.0)), "digits", trials=5)

Importing this package imports neither Keras nor keras-tuner; the names below do when they are first
touched.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_HOMES = {
    "SearchSpace": "kerascnn.tuning.space",
    "SearchResult": "kerascnn.tuning.searching",
    "Trial": "kerascnn.tuning.searching",
    "search": "kerascnn.tuning.searching",
}

if TYPE_CHECKING:
    from kerascnn.tuning.searching import SearchResult as SearchResult
    from kerascnn.tuning.searching import Trial as Trial
    from kerascnn.tuning.searching import search as search
    from kerascnn.tuning.space import SearchSpace as SearchSpace


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'kerascnn.tuning' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
