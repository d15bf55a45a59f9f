"""Writes the README's table of models from the registry.

    python tools/readme_table.py

A test compares the two, so a new architecture asks for this to be run.
"""

from __future__ import annotations

from pathlib import Path

from kerascnn.cli.output import quantity, shape_text
from kerascnn.models.registry import list_models, model_info

README = Path(__file__).resolve().parent.parent / "README.md"
BEGIN, END = "<!-- models: made by tools/readme_table.py -->", "<!-- end of models -->"


def table() -> str:
    """Returns the table as Markdown, a line for each architecture, by year."""
    variants = sorted(
        (model_info(name) for name in list_models()),
        key=lambda variant: (variant.paper.year, variant.family, variant.params, variant.name),
    )
    lines = [
        "| name | builder | input | parameters | MACs | paper |",
        "|---|---|---|---:|---:|---|",
    ]
    lines += [
        f"| `{one.name}` | `{one.builder}` | {shape_text(one.input_shape)} | {one.params:,} "
        f"| {quantity(one.macs)} | {one.paper.source} |"
        for one in variants
    ]
    return "\n".join(lines)


def with_table(text: str) -> str:
    """Returns the README's text with a fresh table between the two marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    README.write_text(with_table(README.read_text("utf-8")), "utf-8")
