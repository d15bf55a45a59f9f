"""`kerascnn evaluate` agrees with the history of a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import kerascnn
from kerascnn.cli import main


def test_evaluate_agrees_with_the_history(
    run_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(run_dir), "digits", "--json"]) == 0
    metrics = json.loads(capsys.readouterr().out)
    best = kerascnn.load_run(run_dir).best["metrics"]
    assert metrics["count"] == 599  # a third of 1,797, by class
    assert metrics["accuracy"] == pytest.approx(best["val_accuracy"])
    assert metrics["loss"] == pytest.approx(best["val_loss"], rel=1e-4)

    assert main(["evaluate", str(run_dir), "digits", "--batch-size", "100"]) == 0
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert lines["accuracy"] == f"{best['val_accuracy']:.2%}"
