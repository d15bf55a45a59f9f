"""The layout of text tables."""

from __future__ import annotations

import pytest

from kerascnn.text_table import text_table


def test_columns_alignment_and_rule():
    rows = [("conv1", "1,792", ""), ("a", "9", "x")]
    assert text_table(("layer", "n", "sees"), rows, right={1}, rule=True).splitlines() == [
        "layer      n  sees",
        "-----  -----  ----",
        "conv1  1,792",
        "a          9  x",
    ]
    assert text_table(("a", "b"), []) == "a  b"


def test_a_row_needs_a_cell_for_each_title():
    with pytest.raises(ValueError, match="zip"):
        text_table(("a", "b"), [("1",)])
