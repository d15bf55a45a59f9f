"""The type of a layout, which maps our layer names to another library's; the name of our own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

Layout = Callable[[Sequence[str]], dict[str, str]]
"""A function from our names of the layers with weights, in the model's order, to the source's."""

OURS = "kerascnn"
"""The source of files whose tensors have our own names."""
