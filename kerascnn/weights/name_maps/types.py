"""The type of a name map, and the name of our own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

OURS = "kerascnn"
"""The source whose names are ours."""


Layout = Callable[[Sequence[str]], dict[str, str]]
