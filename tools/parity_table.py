"""Writes docs/parity.md: differences of our networks from other libraries' with the same weights.

    python tools/parity_table.py [ROW ...]
    python tools/parity_table.py --head      # only the text above the table

Compares the named fixtures of tests/fixtures/parity again, by default all of them.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tools")]

import twin_table  # noqa: E402

from support import parity  # noqa: E402

PAGE = ROOT / "docs" / "parity.md"
HEAD = """# The same weights, the same logits

<!-- made by tools/parity_table.py; edit that file, not this page -->

Each architecture that torchvision, timm or keras.applications also has was given the same seeded
weights and two seeded images in both libraries. *Logits* is the largest difference of a logit,
divided by the largest logit. *Maps* is the largest difference of the mean and the standard
deviation of three intermediate maps, divided by the standard deviation. `tools/make_parity.py`
stores the results of the other libraries. `tests/applications/test_parity.py` checks that no
difference exceeds 1e-4.

| row | twin | image | logits | maps |
|---|---|---|---|---|
"""


def main() -> None:
    if sys.argv[1:] == ["--head"]:
        twin_table.put_head(PAGE, HEAD)
        return
    for key in sys.argv[1:] or twin_table.known():
        fixture, difference = parity.fixture(key), parity.difference(key)
        size = f"{fixture.shape[1]} × {fixture.shape[2]}"
        print(key, difference, flush=True)
        cells = (size, f"{difference.logits:.1e}", f"{difference.taps:.1e}")
        twin_table.put(PAGE, HEAD, key, *cells)


if __name__ == "__main__":
    main()
