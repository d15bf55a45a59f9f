"""The same weights in another library's network and in ours: the same logits.

The twins' results are stored (tools/make_parity.py), so that this needs no torch and no network.
"""

from __future__ import annotations

import pytest

from kerascnn.models.registry import model_info
from kerascnn.weights.expected_shapes import expected
from kerascnn.weights.name_maps import layouts
from support import parity
from support.network_checks import LOGITS_TOLERANCE, check_equal_logits
from support.paths import ROOT
from support.plans import plan_of

STORED = sorted(path.stem for path in parity.FOLDER.glob("*.npz"))


def rows() -> list[object]:
    """Returns the rows; all but the smallest of each family and library are marked as long."""
    smallest: dict[tuple[str, str], str] = {}
    for key in sorted(STORED, key=lambda key: model_info(parity.row_of(key)).params):
        family = model_info(parity.row_of(key)).family
        smallest.setdefault((family, parity.TWINS[key].library), key)
    return [
        pytest.param(key, marks=[] if key in smallest.values() else pytest.mark.long)
        for key in STORED
    ]


def test_every_twin_has_a_fixture() -> None:
    assert sorted(parity.TWINS) == STORED


@pytest.mark.parametrize("key", rows())
def test_equal_logits(key: str) -> None:
    check_equal_logits(key)


def test_real_checkpoints_of_twins_were_loaded() -> None:
    """tools/checkpoint_parity.py had the twins' own libraries write them, and read them here."""
    page = ROOT / "docs" / "checkpoints.md"
    lines = [line for line in page.read_text("utf-8").splitlines() if line.startswith("| `")]
    twins = {
        (parity.row_of(key), parity.fixture(key).twin): twin for key, twin in parity.TWINS.items()
    }
    assert len(lines) == len(twins) == len(parity.TWINS)
    for line in lines:
        row, name, _, layout, loaded, logits = line.strip("| ").split(" | ")
        row = row.split("`")[1]
        twin, known = twins.pop((row, name)), layouts(model_info(row).family)
        layers = list(expected(plan_of(row)))
        # Where two libraries give the same names, either is found.
        assert known[layout](layers) == known[twin.layout or twin.library](layers)
        assert loaded == "100%"
        assert float(logits) <= LOGITS_TOLERANCE
