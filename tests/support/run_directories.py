"""Run directories as `train` leaves them, written by hand."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

from kerascnn.runs.run import Run

CONFIG = {
    "model": {"name": "small", "arguments": None},
    "data": {"name": "toy", "class_names": ["cat", "dog"], "train": 40, "test": 10},
    "preprocessing": {"size": [4, 4], "channels": "grey", "mean": [0.5], "std": [0.25]},
    "seed": 3,
}
COLUMNS = ["epoch", "loss", "accuracy", "val_loss", "val_accuracy"]


def write_run(path: Path, rows: Sequence[Sequence[float]]) -> Run:
    """Writes a configuration and a history with these rows of COLUMNS; there is no model."""
    path.mkdir(parents=True, exist_ok=True)
    (path / "config.json").write_text(json.dumps(CONFIG))
    with (path / "history.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([COLUMNS, *rows])
    return Run(path)
