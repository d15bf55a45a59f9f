"""Looking for code in the configuration of a Keras model, which is never built from a file."""

from __future__ import annotations

from typing import Any

from kerascnn.errors import UnsafeFileError
from kerascnn.fileio.untrusted import quoted
from kerascnn.weights.formats import json_text

LAMBDAS = ("Lambda", "__lambda__")


def refuse_code(text: bytes, what: str) -> None:
    """Raises UnsafeFileError when a configuration has a Lambda, which is pickled code.

    Its weights alone could be read all the same; but what such a network computes is in the code,
    so that its weights mean nothing without it.

    Args:
        text: the JSON.
        what: it is of the file, for the message.
    """
    found: list[tuple[Any, str]] = [(json_text.parse(text, what), what)]
    while found:
        item, place = found.pop()
        if isinstance(item, dict):
            inner = item.get("config")
            name = inner.get("name") if isinstance(inner, dict) else None
            place = name if isinstance(name, str) else place
            if item.get("class_name") in LAMBDAS:
                raise UnsafeFileError(
                    f"its configuration has a Lambda in {quoted(place)}, which is code; save the "
                    "weights alone: model.save_weights('x.weights.h5')"
                )
            found.extend((one, place) for one in item.values())
        elif isinstance(item, list):
            found.extend((one, place) for one in item)
