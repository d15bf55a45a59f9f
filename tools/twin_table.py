"""A page of docs with a line for each twin, which is written as soon as it is known.

So a run over a hundred networks can be stopped and gone on with, or done again for a few.
"""

from __future__ import annotations

from pathlib import Path

from support import parity


def known() -> list[str]:
    """Returns the keys of the twins whose fixtures are there, in the table's order."""
    return [key for key in parity.TWINS if (parity.FOLDER / f"{key}.npz").exists()]


def put(page: Path, head: str, key: str, *cells: str) -> None:
    """Writes a twin's line into the page, in its place; the others stay.

    Args:
        page: the file, which ends with the table.
        head: all that comes before the table's first line.
        key: of `parity.TWINS`.
        cells: what comes behind the row and the twin.
    """
    there = page.read_text("utf-8").splitlines(keepends=True) if page.exists() else []
    lines = {_beginning(text): text for text in there if text.startswith("| `")}
    lines[_start(key)] = f"{_start(key)} {' | '.join(cells)} |\n"
    order = [_start(one) for one in known()]
    page.write_text(head + "".join(lines[one] for one in order if one in lines), "utf-8")


def _start(key: str) -> str:
    """Returns the beginning of a line: our row, its arguments, and the twin."""
    twin = parity.TWINS[key]
    arguments = ", ".join(f"{name}={value!r}" for name, value in twin.arguments.items())
    row = f"`{parity.row_of(key)}`" + (f" with `{arguments}`" if arguments else "")
    return f"| {row} | {parity.fixture(key).twin} |"


def _beginning(line: str) -> str:
    return "|".join(line.split("|")[:3]) + "|"
