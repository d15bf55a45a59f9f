"""Parses JSON of untrusted files: limits its size and depth, refuses duplicate keys."""

from __future__ import annotations

import json
import re
from typing import Any

from kerascnn.errors import DamagedFileError, UnsafeFileError

LIMIT = 8 * 2**20
"""Bytes of a text; the header of 2,000 tensors with a digest each has half a megabyte."""
MAXIMUM_VALUES = 1_000_000
"""Commas and opening brackets of a text; they decide how much memory its values take."""


def parse(text: bytes, what: str) -> Any:
    """Returns the value of a JSON text.

    Args:
        text: the JSON, in UTF-8.
        what: what the text is in the file, for the message, such as "header".

    Raises:
        UnsafeFileError: the text, or what it would take in memory, is too large.
        DamagedFileError: it is not JSON, has a key twice, or has NaN or an infinity.
    """
    if len(text) > LIMIT or sum(text.count(sign) for sign in b",[{") > MAXIMUM_VALUES:
        raise UnsafeFileError(f"its {what} is absurdly large")
    try:
        value = json.loads(
            text.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse_constant
        )
        if re.search(rb"\\u[dD][89a-fA-F]", text):  # a lone surrogate cannot be encoded again
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        return value
    except (ValueError, RecursionError) as error:
        raise DamagedFileError(f"its {what} is not JSON; the file is damaged") from error


def table(text: bytes, what: str) -> dict[str, str]:
    """Returns the dictionary of texts that a JSON text contains; arguments and errors as `parse`.

    Raises:
        DamagedFileError: it is another value.
    """
    return table_of_texts(parse(text, what), what)


def table_of_texts(value: Any, what: str) -> dict[str, str]:
    """Returns a value of JSON, if it is a dictionary of texts.

    Args:
        value: any value of JSON.
        what: what it is in the file, for the message.

    Raises:
        DamagedFileError: it is another value.
    """
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise DamagedFileError(f"its {what} is not a table of texts")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a key appears twice")
    return table


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number of JSON")
