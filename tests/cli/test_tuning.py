"""`kerascnn tune` and `scale`: wrong usage is one line, before TensorFlow starts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kerascnn.cli import main
from support.processes import QUIET, environment


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tune", "lenet6", "digits"], "the nearest are: lenet5"),
        (["tune", "lenet5,convnet7", "digits"], "convnet"),
        (["tune", "lenet5", "digits", "--axis", "width"], "write NAME=VALUES"),
        (["tune", "lenet5", "digits", "--axis", "width=2:1"], "is not a range"),
        (["tune", "lenet5", "digits", "--worker", "1"], "--worker needs --chief"),
        (["tune", "lenet5", "digits", "--trials", "many"], "invalid int value"),
        (["scale", "lenet6", "digits"], "the nearest are: lenet5"),
        (["scale", "lenet5", "digits", "--factors", "two"], "give numbers, for example 1,2,4"),
    ],
)
def test_wrong_usage(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1


def run(*arguments: str, directory: Path) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", "kerascnn", *arguments, "--json"],
        capture_output=True, text=True, env=environment(**QUIET), cwd=directory, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


@pytest.mark.long
def test_tune_retrains_the_best(tmp_path: Path) -> None:
    answer, told = run(
        "tune", "convnet,lenet5", "digits", "--trials", "3", "--epochs", "1", "--params", "80000",
        "--axis", "n=1", "--axis", "m=2,3", "--axis", "filters=8,16",
        "--axis", "learning_rate=1e-3:1e-2:log", "--axis", "width=0.5,1", "--retrain",
        directory=tmp_path,
    )  # fmt: skip
    assert answer["trials"] == answer["completed"] == 3
    assert set(answer["best"]["values"]) >= {"model", "learning_rate"}
    assert "of the space fits" in told
    assert (tmp_path / "search" / "best" / "best.keras").is_file()


@pytest.mark.long
def test_scale_prints_a_study(tmp_path: Path) -> None:
    study, told = run(
        "scale", "lenet5", "digits", "--factors", "1,2", "--epochs", "1", directory=tmp_path
    )
    assert study["name"] == "lenet5"
    assert study["points"][0]["macs"] == 416_520
    assert "points of accuracy a doubling of the cost" in told
