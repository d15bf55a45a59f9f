"""Searches a Keras model's configuration for code; models are never built from such a file."""

from __future__ import annotations

from typing import Any

from kerascnn.errors import UnsafeFileError
from kerascnn.fileio.untrusted import quoted
from kerascnn.weights.formats import json_text

LAMBDAS = ("Lambda", "__lambda__")


def parsed(text: bytes, what: str) -> Any:
    """Returns a configuration; raises UnsafeFileError when it has a Lambda layer, pickled code.

    The weights of such a file could be read. They are refused because they are of no use without
    the code, which is part of what the network computes.

    Args:
        text: the configuration, as JSON.
        what: what the text is in the file, for the message.
    """
    config = json_text.parse(text, what)
    waiting: list[tuple[Any, str]] = [(config, what)]
    while waiting:
        item, owner = waiting.pop()
        if isinstance(item, dict):
            inner = item.get("config")
            name = inner.get("name") if isinstance(inner, dict) else None
            owner = name if isinstance(name, str) else owner
            if item.get("class_name") in LAMBDAS:
                raise UnsafeFileError(
                    f"its configuration has a Lambda in {quoted(owner)}, which is code; save the "
                    "weights alone: model.save_weights('x.weights.h5')"
                )
            waiting.extend((value, owner) for value in item.values())
        elif isinstance(item, list):
            waiting.extend((value, owner) for value in item)
    return config
