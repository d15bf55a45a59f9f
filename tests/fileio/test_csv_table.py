"""Tables of values separated by commas run nothing in a spreadsheet."""

from __future__ import annotations

import csv

from kerascnn.fileio.csv_table import write_csv


def test_tables_run_nothing_in_a_spreadsheet(tmp_path):
    rows = [["=cmd|' /C calc'!A0", -1.5], ['@x, "y"\nz', None], ["ärger", 3]]
    rows.append([b"\xff".decode("utf-8", "surrogateescape"), 0])
    write_csv(tmp_path / "t.csv", ["class", "n"], rows)
    with (tmp_path / "t.csv").open(newline="", encoding="utf-8") as stream:
        assert list(csv.reader(stream)) == [
            ["class", "n"],
            ["'=cmd|' /C calc'!A0", "-1.5"],
            ['\'@x, "y"\nz', ""],
            ["ärger", "3"],
            ["\\udcff", "0"],
        ]
