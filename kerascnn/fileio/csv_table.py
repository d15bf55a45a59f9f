"""CSV files that a spreadsheet opens without running a formula in them."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Sequence

from kerascnn.fileio.atomic import atomic_file

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_csv(
    path: str | os.PathLike[str], header: Sequence[object], rows: Iterable[Sequence[object]]
) -> None:
    """Writes a CSV table atomically; None becomes an empty cell.

    A text that a spreadsheet would run as a formula gets an apostrophe in front, which spreadsheets
    do not show. Bytes that are not text are written as \\x escapes.

    Raises:
        OutputError: the file cannot be written; an older one is kept.
    """
    with (
        atomic_file(path) as temporary,
        temporary.open("w", newline="", encoding="utf-8", errors="backslashreplace") as stream,
    ):
        writer = csv.writer(stream)
        writer.writerow([_harmless(cell) for cell in header])
        writer.writerows([_harmless(cell) for cell in row] for row in rows)


def _harmless(cell: object) -> object:
    if isinstance(cell, str) and cell.startswith(_FORMULA):
        return f"'{cell}"
    return cell
