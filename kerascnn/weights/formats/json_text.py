"""JSON out of a file that somebody else wrote: bounded in size and depth, and unambiguous."""

from __future__ import annotations

import json
import re
from typing import Any

from kerascnn.errors import DamagedFileError, UnsafeFileError

LIMIT = 8 * 2**20
"""Bytes; the header of a network of 2,000 tensors with a digest each has half a megabyte."""
MAXIMUM_VALUES = 1_000_000
"""Commas and brackets, which is what makes a text large in memory."""


def parse(text: bytes, what: str) -> Any:
    """Returns what the text says.

    Args:
        text: UTF-8.
        what: it is of the file, for the message.

    Raises:
        UnsafeFileError: the text would take far more memory than its tensors need.
        DamagedFileError: it is no JSON, names a key twice, or has numbers that are none.
    """
    if len(text) > LIMIT or sum(text.count(one) for one in b",[{") > MAXIMUM_VALUES:
        raise UnsafeFileError(f"its {what} is absurdly large")
    try:
        found = json.loads(
            text.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_number
        )
        if re.search(rb"\\u[dD][89a-fA-F]", text):  # half a character cannot be written again
            json.dumps(found, ensure_ascii=False).encode("utf-8")
        return found
    except (ValueError, RecursionError) as error:
        raise DamagedFileError(f"its {what} is not JSON; the file is damaged") from error


def table(text: bytes, what: str) -> dict[str, str]:
    """Returns a table of texts; errors as `parse`, also where it is something else."""
    found = parse(text, what)
    if not isinstance(found, dict) or not all(isinstance(one, str) for one in found.values()):
        raise DamagedFileError(f"its {what} is not a table of texts")
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key comes twice")
    return made


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number")
