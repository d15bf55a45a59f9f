"""Writes docs/parity.md: how far our networks are from other libraries' with the same weights.

    python tools/parity_table.py [ROW ...]

Every fixture of tests/fixtures/parity that is named, or all of them, is compared anew.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tools")]

import twin_table  # noqa: E402

from support import parity  # noqa: E402

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


def main() -> None:
    for key in sys.argv[1:] or twin_table.known():
        wanted, found = parity.fixture(key), parity.difference(key)
        size = f"{wanted.shape[1]} × {wanted.shape[2]}"
        print(key, found, flush=True)
        cells = (size, f"{found.logits:.1e}", f"{found.taps:.1e}")
        twin_table.put(ROOT / "docs" / "parity.md", HEAD, key, *cells)


if __name__ == "__main__":
    main()
