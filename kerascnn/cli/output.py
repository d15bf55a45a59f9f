"""What the verbs print: text for people, JSON for scripts."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Sequence
from typing import Any


def add_shared_options(verb: argparse.ArgumentParser, default: object) -> None:
    """Adds the options that every verb takes.

    Args:
        verb: the parser of the verb.
        default: of the options; `argparse.SUPPRESS` for a nested verb, so that it does not reset an
            option given before it.
    """
    verb.formatter_class = argparse.RawDescriptionHelpFormatter
    for name, text in (
        ("--json", "print the result as JSON; other output goes to stderr"),
        ("--debug", "show tracebacks and every log line"),
    ):
        verb.add_argument(name, action="store_true", default=default, help=text)


def print_json(value: Any) -> None:
    """Prints `value` as JSON on standard output; paths become strings, NumPy values numbers."""

    def convert(other: Any) -> Any:
        if isinstance(other, os.PathLike):
            return os.fspath(other)
        if hasattr(other, "tolist"):
            return other.tolist()
        raise TypeError(f"{type(other).__name__} cannot be written as JSON")

    print(json.dumps(value, indent=2, ensure_ascii=False, default=convert))


def progress_stream(*, as_json: bool) -> contextlib.AbstractContextManager[object]:
    """Redirects what a job prints to standard error when standard output is for JSON only."""
    return contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext()


def quantity(number: float | None) -> str:
    """Returns a count to three digits with k, M or G: 416520 -> "417 k"; a dash for None."""
    if number is None:
        return "-"
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number:g}"


def shape_text(shape: Sequence[int | None]) -> str:
    """Returns a shape as text: (32, 32, 1) -> "32x32x1"; unknown sizes become "?"."""
    return "x".join("?" if size is None else str(size) for size in shape)
