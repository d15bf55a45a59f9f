"""Pages of docs/ with one line for each twin, a network of another library.

A line is written as soon as it is measured, so a run over a hundred networks can be stopped and
resumed, or repeated for some of them.
"""

from __future__ import annotations

from pathlib import Path

from support import parity


def known() -> list[str]:
    """Returns the keys of the twins that have a fixture, in the table's order."""
    return [key for key in parity.TWINS if (parity.FOLDER / f"{key}.npz").exists()]


def put(page: Path, head: str, key: str, *cells: str) -> None:
    """Writes a twin's line into the page, at its position; the other lines stay.

    Args:
        page: the file, which ends with the table.
        head: the text before the table's first line.
        key: a key of `parity.TWINS`.
        cells: the cells after the row and the twin.
    """
    lines = _lines(page)
    lines[_start(key)] = f"{_start(key)} {' | '.join(cells)} |\n"
    _write(page, head, lines)


def put_head(page: Path, head: str) -> None:
    """Writes the text before the table again; the lines stay."""
    _write(page, head, _lines(page))


def _lines(page: Path) -> dict[str, str]:
    """Returns the lines of the page's table by their beginnings."""
    text = page.read_text("utf-8") if page.exists() else ""
    lines = text.splitlines(keepends=True)
    return {_beginning(line): line for line in lines if line.startswith("| `")}


def _write(page: Path, head: str, lines: dict[str, str]) -> None:
    order = [_start(key) for key in known()]
    page.write_text(head + "".join(lines[start] for start in order if start in lines), "utf-8")


def _start(key: str) -> str:
    """Returns the beginning of a line: our row, its arguments, and the twin."""
    twin = parity.TWINS[key]
    arguments = ", ".join(f"{name}={value!r}" for name, value in twin.arguments.items())
    row = f"`{parity.row_of(key)}`" + (f" with `{arguments}`" if arguments else "")
    return f"| {row} | {parity.fixture(key).twin} |"


def _beginning(line: str) -> str:
    return "|".join(line.split("|")[:3]) + "|"
