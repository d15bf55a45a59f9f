"""`kerascnn train`: what it prints, and what it leaves."""

from __future__ import annotations

import csv
import json
import subprocess
from pathlib import Path

import pytest


def test_train_prints_json_and_nothing_else_on_stdout(
    trained: tuple[Path, subprocess.CompletedProcess],
) -> None:
    run_dir, done = trained
    result = json.loads(done.stdout)
    assert result["run_dir"] == str(run_dir)
    with (run_dir / "history.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 4
    best = max(float(row["val_accuracy"]) for row in rows)
    assert result["best"]["metrics"]["val_accuracy"] == pytest.approx(best)
    assert best > 0.9


def test_train_shows_progress_and_no_chatter(
    trained: tuple[Path, subprocess.CompletedProcess],
) -> None:
    lines = trained[1].stderr.splitlines()
    assert [line.split()[1] for line in lines if line.startswith("epoch")] == [
        "1/4", "2/4", "3/4", "4/4",
    ]  # fmt: skip
    ours = ("lenet5 (61,706 parameters)", "epoch ", "last ", "best ", "4 epochs in ")
    noise = [line for line in lines if not line.lstrip().startswith(ours)]
    assert noise == [], "TensorFlow's start-up lines, or warnings that somebody should mend"


def test_train_leaves_what_the_readme_says(run_dir: Path) -> None:
    expected = {"config.json", "history.csv", "best.keras", "last.keras", "curves.png"}
    assert expected <= {path.name for path in run_dir.iterdir()}
    assert list((run_dir / "tensorboard").rglob("events.*"))
    recipe = json.loads((run_dir / "config.json").read_text())["recipe"]
    assert recipe["epochs"] == 4
