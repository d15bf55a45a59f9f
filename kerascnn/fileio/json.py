"""JSON files: atomic writes in the two styles of the package, and reads of files of state."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kerascnn.fileio.atomic import atomic_file


def write_json(
    path: str | os.PathLike[str],
    content: Any,
    *,
    indent: int = 2,
    ascii_only: bool = False,
    default: Callable[[Any], Any] | None = None,
) -> None:
    """Writes a JSON file for people and programs, atomically: indented, ended by a newline.

    Args:
        path: the file; an older one is replaced in one step.
        content: what `json.dumps` takes.
        indent: spaces for each level.
        ascii_only: other characters are escaped, as \\u00e9; else they are written in UTF-8.
        default: returns a value that JSON has, for one that it does not have.

    Raises:
        OutputError: the file cannot be written; an older one is kept.
    """
    text = json.dumps(content, indent=indent, ensure_ascii=ascii_only, default=default)
    with atomic_file(path) as temporary:
        temporary.write_text(f"{text}\n", "utf-8")


def write_compact_json(path: str | os.PathLike[str], content: Any) -> None:
    """Writes a JSON file of state for programs, atomically: one line of ASCII without a newline.

    Raises:
        OutputError: the file cannot be written; an older one is kept.
    """
    text = json.dumps(content)
    with atomic_file(path) as temporary:
        temporary.write_text(text, "utf-8")


def read_json(path: str | os.PathLike[str]) -> Any:
    """Returns the content of a JSON file, or None where it is missing or not JSON."""
    try:
        return json.loads(Path(path).read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return None
