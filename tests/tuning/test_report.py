"""The files of a search and its page."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

import kerascnn
from kerascnn.tuning import SearchResult
from support.browser import look_at


def test_the_files_of_a_search(searched: SearchResult) -> None:
    with (searched.directory / "results.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["status"] for row in rows].count("COMPLETED") == 2
    best = json.loads((searched.directory / "best.json").read_text("utf-8"))
    assert best["val_accuracy"] == searched.best.score
    rebuilt = kerascnn.create_model(best["model"]["name"], **best["model"]["arguments"])
    rebuilt.load_weights(searched.directory / best["weights"])
    assert rebuilt.count_params() == searched.best.params
    page = (searched.directory / "report.html").read_text("utf-8")
    assert page.count("data:image/png;base64,") >= 4
    assert "out of memory" in page
    assert "http" not in page.replace("http-equiv", "").split("<main>")[1]
    names = {path.name for path in (searched.directory / "tensorboard").rglob("events*")}
    assert len(names) == 3  # the experiment and two completed trials
    assert (searched.directory / "accuracy_params.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.long
@pytest.mark.parametrize("width", [1280, 400])
def test_a_browser_shows_the_report(searched: SearchResult, tmp_path: Path, width: int) -> None:
    seen = look_at(searched.directory / "report.html", tmp_path, width=width, column=3)
    assert seen.inner == width
    assert seen.pictures == 4  # against parameters and multiply-accumulates; axes; curves
    assert seen.broken == 0
    assert seen.wide <= 0
    assert seen.rows == len(searched.completed)
    assert seen.sorted
    assert not seen.console
    assert "<button" in seen.html
