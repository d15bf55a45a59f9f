"""Which runs go on, from where, and which are refused with what differs."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
from dataclasses import replace

import pytest

import kerascnn
from kerascnn.cli import main
from kerascnn.errors import (
    DamagedFileError,
    Interrupted,
    MismatchError,
    OutputError,
    UsageError,
)
from kerascnn.fileio.locks import locked
from kerascnn.training import callbacks
from kerascnn.training.train import train
from support.scripts import training_jobs as jobs
from support.training_processes import run_jobs


def go(path, **arguments):
    data = arguments.pop("data", None) or jobs.data()
    model = arguments.pop("model", None) or jobs.network("float32")
    options = {"recipe": jobs.RECIPE, "seed": 7, "verbose": False, **arguments}
    return train(model, data, run_dir=path, **options)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A run that Ctrl-C ended in step 2 of epoch 3."""
    path = tmp_path_factory.mktemp("stopped") / "run"
    real = callbacks.Clock.on_train_batch_end

    def on_train_batch_end(self, batch, logs=None):
        real(self, batch, logs)
        if self.total == 2 * jobs.STEPS + 2:
            signal.raise_signal(signal.SIGINT)

    callbacks.Clock.on_train_batch_end = on_train_batch_end
    try:
        with pytest.raises(Interrupted, match="after step 2 of epoch 3") as caught:
            go(path)
    finally:
        callbacks.Clock.on_train_batch_end = real
    assert caught.value.exit_code == 75
    return path


@pytest.fixture
def copy(stopped, tmp_path):
    return shutil.copytree(stopped, tmp_path / "run")


def test_a_stopped_run_has_a_checkpoint_of_its_step(stopped):
    assert sorted(path.name for path in (stopped / "checkpoints").iterdir()) == [
        "epoch-00002-step-00000000", "epoch-00002-step-00000002",
    ]  # fmt: skip
    run = kerascnn.load_run(stopped)
    assert run.history["epoch"] == [1, 2]
    assert run.result == {}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"learning_rate": 0.5}, r"recipe.learning_rate: 0.02 -> 0.5;"),
        ({"epochs": 9}, r"recipe.epochs: 3 -> 9, epochs: 3 -> 9;"),
        ({"seed": 8}, r"seed: 7 -> 8;"),
        ({"data": "other"}, r'data.fingerprint: "f{16,18}….*" -> "e{16,18}….*";'),
        ({"recipe": "default"}, r"recipe.learning_rate: 0.02 -> 0.003, .*-> 20;"),
    ],
)
def test_another_run_is_refused_with_what_differs(stopped, changes, told):
    if "data" in changes:
        changes = {"data": replace(jobs.data(), fingerprint="e" * 64)}
    before = (stopped / "config.json").read_bytes()
    with pytest.raises(UsageError, match=told) as error:
        go(stopped, **changes)
    assert len(str(error.value)) <= 400
    assert "--overwrite, or --resume force" in str(error.value)
    assert error.value.exit_code == 2
    assert (stopped / "config.json").read_bytes() == before


def test_other_versions_are_refused(copy):
    config = json.loads((copy / "config.json").read_text())
    config["keras"] = "3.14.0"
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(UsageError, match=r'keras: "3.14.0" -> "3\.'):
        go(copy)


def test_force_goes_on_and_records_it(copy):
    run = go(copy, resume="force", learning_rate=0.5, data=replace(jobs.data(), name="moved"))
    (life,) = run.config["resumed"]
    assert life["position"] == [2, 2]
    assert life["changed"] == ["recipe.learning_rate: 0.02 -> 0.5"]
    assert run.config["recipe"]["learning_rate"] == 0.5
    assert run.history["epoch"] == [1, 2, 3]


def test_force_cannot_change_the_network(copy):
    with pytest.raises(MismatchError, match="belongs to another network or optimizer"):
        go(copy, resume="force", recipe=replace(jobs.RECIPE, optimizer="sgd"))


def test_the_other_wishes(stopped, tmp_path):
    with pytest.raises(OutputError, match="is not empty"):
        go(stopped, resume="never")
    with pytest.raises(UsageError, match="has no run to resume"):
        go(tmp_path / "new", resume="must")
    with pytest.raises(UsageError, match="exclude each other"):
        go(stopped, resume="must", overwrite=True)
    with pytest.raises(UsageError, match="resume='yes'; it must be one of auto, never, must"):
        go(stopped, resume="yes")
    assert not (tmp_path / "new").exists()


def test_a_finished_run_is_returned_as_it_is(copy, capsys):
    first = go(copy, resume="must")
    before = {path: path.stat().st_mtime_ns for path in copy.rglob("*")}
    again = go(copy, verbose=True)
    assert {path: path.stat().st_mtime_ns for path in copy.rglob("*")} == before
    assert again.result == first.result
    assert "this run is complete" in capsys.readouterr().out
    assert not (copy / "checkpoints").exists()


def test_damaged_checkpoints(copy, capsys):
    newest, older = sorted((copy / "checkpoints").iterdir(), reverse=True)
    (newest / "arrays.safetensors").write_bytes(b"")
    again = shutil.copytree(copy, copy.with_name("again"))
    go(copy, verbose=True)
    out = capsys.readouterr().out
    assert f"skipped a checkpoint: {newest / 'arrays.safetensors'} has 0 bytes" in out
    assert "resuming from the end of epoch 2" in out
    (again / "checkpoints" / older.name / "state.json").unlink()
    before = sorted(again.rglob("*"))
    with pytest.raises(DamagedFileError, match=r"all 2 checkpoints of .* are damaged") as error:
        go(again)
    assert error.value.exit_code == 4
    assert sorted(again.rglob("*")) == before


def test_the_best_model_is_put_back(copy):
    whole = (copy / "best.keras").read_bytes()
    (copy / "best.keras").write_bytes(b"of a later epoch")
    run = go(copy)
    if run.best["epoch"] < 3:
        assert (copy / "best.keras").read_bytes() == whole
    assert run.load("best") is not None


def test_a_directory_in_use_is_refused(copy):
    with locked(copy):
        code, errors = run_jobs({"run_dir": str(copy)})
    assert code == [2]
    assert f"process {os.getpid()} on " in errors
    assert "is training into" in errors


def test_a_run_without_checkpoints_is_not_touched(copy):
    shutil.rmtree(copy / "checkpoints")
    with pytest.raises(OutputError, match="a run without checkpoints, which cannot be resumed"):
        go(copy)


def test_a_run_that_died_before_its_first_checkpoint_begins_anew(copy):
    shutil.rmtree(copy / "checkpoints")
    for name in ("history.csv", "best.keras", "last.keras"):
        (copy / name).unlink()
    assert go(copy).history["epoch"] == [1, 2, 3]


def test_the_command_goes_on(tmp_path, capsys):
    path = str(tmp_path / "r")
    command = ["train", "lenet5", "digits", "--run-dir", path, "--epochs", "1", "--batch-size"]
    assert main([*command, "400", "--resume", "must"]) == 2
    assert main([*command, "400"]) == 0
    assert main([*command, "400", "--resume", "auto", "--checkpoint-every", "3"]) == 0
    assert "this run is complete" in capsys.readouterr().out
    assert main([*command, "300"]) == 2
    assert "recipe.batch_size: 400 -> 300" in capsys.readouterr().err


def test_history_has_every_epoch_once(copy):
    go(copy)
    with (copy / "history.csv").open() as stream:
        assert [row["epoch"] for row in csv.DictReader(stream)] == ["1", "2", "3"]
