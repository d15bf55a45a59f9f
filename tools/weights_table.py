"""Writes the table of published weights in docs/weights.md from the catalogue.

    python tools/weights_table.py

A test compares the table with the catalogue, so run this after adding a checkpoint.
"""

from __future__ import annotations

from pathlib import Path

from kerascnn.imaging.preprocessing import Preprocessing
from kerascnn.models.registry import list_models, model_info
from kerascnn.published.catalogue import checkpoints
from kerascnn.published.record import Published

GUIDE = Path(__file__).resolve().parent.parent / "docs" / "weights.md"
BEGIN, END = "<!-- weights: made by tools/weights_table.py -->", "<!-- end of weights -->"


def preparation(preprocessing: Preprocessing) -> str:
    """Returns a short text of how an image is prepared."""
    assert preprocessing.size is not None
    if preprocessing.channels == "bgr":
        values = "BGR − mean"
    else:
        values = "−1 … 1" if set(preprocessing.mean) == {0.5} else "mean/std"
    side = preprocessing.size[0]
    return f"{preprocessing.resize} → {side} {preprocessing.interpolation}, {values}"


def line(checkpoint: Published) -> str:
    """Returns the line of a checkpoint."""
    default = " ★" if checkpoint.tag == model_info(checkpoint.row).weights[0] else ""
    columns = "".join(f", `{name}={value}`" for name, value in checkpoint.arguments.items())
    digest = "none"
    if checkpoint.sha256:
        digest = f"SHA-256 `{checkpoint.sha256}…`"
    elif checkpoint.md5:
        digest = f"MD5 `{checkpoint.md5}`"
    cells = (
        f"`{checkpoint.row}`{columns}",
        f"[`{checkpoint.tag}`]({checkpoint.url}){default}",
        preparation(checkpoint.preprocessing),
        f"{checkpoint.top1:g}",
        checkpoint.licence,
        digest,
    )
    return f"| {' | '.join(cells)} |"


def table() -> str:
    """Returns the table as Markdown; of each architecture its default checkpoint comes first."""
    lines = [
        "| architecture | weights | images | top-1 | licence | digest |",
        "|---|---|---|---:|---|---|",
    ]
    lines += [line(checkpoint) for row in list_models() for checkpoint in checkpoints(row)]
    return "\n".join(lines)


def with_table(text: str) -> str:
    """Returns the page's text with a fresh table between the two marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    GUIDE.write_text(with_table(GUIDE.read_text("utf-8")), "utf-8")
