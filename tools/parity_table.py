"""Writes docs/parity.md: how far our networks are from other libraries' with the same weights.

    python tools/parity_table.py

Every fixture of tests/fixtures/parity is compared anew, which takes some minutes.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from reference import parity  # noqa: E402

HEAD = """# The same weights, the same logits

Every row that torchvision, timm or keras.applications has too was given the same seeded weights
and two seeded images there and here. The difference is the largest among the logits, divided by the
largest logit; that of the maps on the way (three a network) is of their mean and standard
deviation, divided by the latter. `tools/make_parity.py` stores what the twins make,
`tests/test_parity.py` checks that no difference exceeds 1e-4, `tools/parity_table.py` writes this
page.

| row | twin | image | logits | maps |
|---|---|---|---|---|
"""


def line(key: str) -> str:
    """Returns a row of the table."""
    twin, wanted, found = parity.TWINS[key], parity.fixture(key), parity.difference(key)
    arguments = ", ".join(f"{name}={value!r}" for name, value in twin.arguments.items())
    row = f"`{parity.row_of(key)}`" + (f" with `{arguments}`" if arguments else "")
    size = f"{wanted.shape[1]} × {wanted.shape[2]}"
    return f"| {row} | {wanted.twin} | {size} | {found.logits:.1e} | {found.taps:.1e} |\n"


def main() -> None:
    lines = []
    for key in parity.TWINS:
        lines.append(line(key))
        print(lines[-1], end="", flush=True)
    (ROOT / "docs" / "parity.md").write_text(HEAD + "".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
