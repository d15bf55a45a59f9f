"""Tables of plain text, for terminals and for `str(report)`."""

from __future__ import annotations

from collections.abc import Container, Sequence


def text_table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: Container[int] = (),
    rule: bool = False,
) -> str:
    """Returns a table as text: columns two blanks apart, no blanks at the end of a line.

    rich.table is not used here: its import and layout would make `kerascnn list` half as slow
    again, and it cuts cells to the width of the terminal.

    Args:
        header: a title for each column.
        rows: the cells, as many in each row as there are titles.
        right: indices of the columns whose cells are aligned to the right.
        rule: a line of dashes below the header.
    """
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    dashes = [["-" * width for width in widths]] if rule else []
    return "\n".join(
        "  ".join(
            cell.rjust(width) if index in right else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (header, *dashes, *rows)
    )
