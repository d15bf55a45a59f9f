"""Writes the table of published weights in docs/weights.md from the catalogue.

    python tools/weights_table.py

A test compares the two, so a new checkpoint asks for this to be run.
"""

from __future__ import annotations

from pathlib import Path

from kerascnn.imaging.preprocessing import Preprocessing
from kerascnn.models.registry import list_models, model_info
from kerascnn.published.catalogue import checkpoints
from kerascnn.published.record import Published

GUIDE = Path(__file__).resolve().parent.parent / "docs" / "weights.md"
BEGIN, END = "<!-- weights: made by tools/weights_table.py -->", "<!-- end of weights -->"


def preparation(how: Preprocessing) -> str:
    """Returns in short what an image goes through."""
    assert how.size is not None
    if how.channels == "bgr":
        values = "BGR − mean"
    else:
        values = "−1 … 1" if set(how.mean) == {0.5} else "mean/std"
    return f"{how.resize} → {how.size[0]} {how.interpolation}, {values}"


def line(one: Published) -> str:
    """Returns the line of one checkpoint."""
    default = " ★" if one.tag == model_info(one.row).weights[0] else ""
    columns = "".join(f", `{name}={value}`" for name, value in one.arguments.items())
    digest = f"SHA-256 `{one.sha256}…`" if one.sha256 else f"MD5 `{one.md5}`" if one.md5 else "none"
    return (
        f"| `{one.row}`{columns} | [`{one.tag}`]({one.url}){default} "
        f"| {preparation(one.preprocessing)} | {one.top1:g} | {one.licence} | {digest} |"
    )


def table() -> str:
    """Returns the table as Markdown, the default of a row first."""
    lines = [
        "| architecture | weights | images | top-1 | licence | digest |",
        "|---|---|---|---:|---|---|",
    ]
    lines += [line(one) for row in list_models() for one in checkpoints(row)]
    return "\n".join(lines)


def with_table(text: str) -> str:
    """Returns the guide's text with a fresh table between the two marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    GUIDE.write_text(with_table(GUIDE.read_text("utf-8")), "utf-8")
