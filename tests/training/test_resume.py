"""A run that was stopped, killed or damaged ends as if nothing had been: to the bit."""

from __future__ import annotations

import csv
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

import kerascnn
from kerascnn.cli import main
from kerascnn.data.pipeline import batch_indices, pipeline
from kerascnn.data.sources.dataset import Split
from kerascnn.errors import (
    DamagedFileError,
    Interrupted,
    MismatchError,
    OutputError,
    UsageError,
)
from kerascnn.fileio.locks import locked
from kerascnn.imaging.preprocessing import Preprocessing
from kerascnn.training import callbacks
from kerascnn.training.train import train
from support.paths import ROOT
from support.scripts import training_jobs as jobs

KILLED = -signal.SIGKILL
RESULTS = ("epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate")


def run_jobs(*given):
    """Runs jobs one after the other, each in a process of its own; returns their exit codes."""
    done = subprocess.run(
        [sys.executable, jobs.__file__],
        input="".join(json.dumps(job) + "\n" for job in given),
        env={**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "2"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [json.loads(line)["exit"] for line in done.stdout.splitlines()], done.stderr


def outcome(path):
    """Everything that must not depend on interruptions."""
    run = kerascnn.load_run(path)
    history = run.history
    best = run.load("best")
    return {
        "weights": run.result["weights_sha256"],
        "history": {name: history[name] for name in RESULTS},
        "best": kerascnn.training.checkpoints.weights_digest(best),
        "epochs": run.result["epochs"],
    }


# ---------------------------------------------------------------------- real processes


def test_killed_anywhere_a_run_ends_to_the_bit_as_it_would_have(tmp_path):
    """In an epoch, in validation, by a signal in validation, and in the middle of a commit."""
    whole, cut = str(tmp_path / "whole"), str(tmp_path / "cut")
    codes, errors = run_jobs(
        {"run_dir": whole},
        {"run_dir": cut, "every": 4, "kill_at": 4},
        {"run_dir": cut, "every": 4, "kill_in_validation": 1},
        {"run_dir": cut, "every": 4, "kill_in_validation": 1, "signal": signal.SIGTERM},
        {"run_dir": cut, "every": 4, "kill_in_write": 1},
        {"run_dir": cut, "every": 4},
        {"run_dir": cut, "every": 4},
    )
    assert codes == [0, KILLED, KILLED, 75, KILLED, 0, 0], errors
    assert outcome(cut) == outcome(whole)
    assert "stopped by SIGTERM after step 6 of epoch 2; the same command goes on" in errors
    run = kerascnn.load_run(cut)
    # Where each life began: the last but one ended the validation, and was killed in its commit.
    assert [life["position"] for life in run.config["resumed"]] == [[0, 4], [1, 2], [1, 6], [2, 0]]
    assert sorted(path.name for path in run.path.iterdir()) == [
        "best.keras", "config.json", "curves.png", "history.csv", "last.keras", "result.json",
        "tensorboard",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "precision", ["mixed_float16", pytest.param("mixed_bfloat16", marks=pytest.mark.long)]
)
def test_half_precision_resumes_to_the_bit(tmp_path, precision):
    whole, cut = str(tmp_path / "whole"), str(tmp_path / "cut")
    codes, errors = run_jobs(
        {"run_dir": whole, "precision": precision},
        {"run_dir": cut, "precision": precision, "every": 5, "kill_at": 11},
        {"run_dir": cut, "precision": precision},
    )
    assert codes == [0, KILLED, 0], errors
    assert outcome(cut) == outcome(whole)
    assert kerascnn.load_run(cut).config["resumed"][0]["position"] == [1, 4]


RECIPES = {
    "sgd cosine": {"optimizer": "sgd", "momentum": 0.9},
    "adam plateau": {"optimizer": "adam", "schedule": "plateau", "patience": 1},
    "adamw averaged, early stop": {"ema": 0.9, "early_stopping": 1},
}


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("precision", ["float32", "mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("recipe", RECIPES)
def test_every_kind_of_run_resumes_to_the_bit(tmp_path, precision, recipe):
    """Killed at each end of an epoch and in ten random steps, by turns."""
    draw = random.Random(f"{precision} {recipe}")
    job = {"precision": precision, "recipe": {**RECIPES[recipe], "epochs": 5}}
    whole, cut = str(tmp_path / "whole"), str(tmp_path / "cut")
    steps = sorted({*draw.sample(range(1, 5 * jobs.STEPS), 10), *range(6, 30, 6)})
    killed = [{**job, "run_dir": cut, "every": 1, "kill_at": step} for step in steps]
    codes, errors = run_jobs({**job, "run_dir": whole}, *killed, {**job, "run_dir": cut})
    # An early stop ends the run before the last kills.
    assert set(codes[1:-1]) <= {KILLED, 0}, errors
    assert codes[0] == codes[-1] == 0, errors
    assert outcome(cut) == outcome(whole)


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_300_kills_at_random_moments(tmp_path):
    """A run that commits every step, killed 300 times: each time it goes on by itself."""
    kills = int(os.environ.get("KERASCNN_KILLS", "300"))
    whole, cut = str(tmp_path / "whole"), str(tmp_path / "cut")
    job = {"bare": True, "recipe": {"epochs": 500, "translate": 0, "flip": False}}
    lives = [{**job, "run_dir": cut, "every": 1, "kill_random": n} for n in range(kills)]
    codes, errors = run_jobs({**job, "run_dir": whole}, *lives, {**job, "run_dir": cut})
    assert codes == [0, *[KILLED] * kills, 0], errors
    one, other = (kerascnn.load_run(path) for path in (whole, cut))
    assert one.result["weights_sha256"] == other.result["weights_sha256"]
    assert one.history["val_loss"] == other.history["val_loss"]
    lives = other.config["resumed"]
    assert len(lives) >= 0.7 * kills  # the others died before they had read a checkpoint
    print(f"{kills} kills, {len(lives)} resumes, {len(one.history['epoch']) * jobs.STEPS} steps")


@pytest.mark.long
def test_a_run_goes_on_with_another_number_of_replicas(tmp_path):
    """In the middle of an epoch, from one to two and from two to one; but for the last bits."""
    paths = [str(tmp_path / name) for name in ("whole", "more", "fewer")]
    whole, more, fewer = ({"run_dir": path, "recipe": {"ema": 0.9}} for path in paths)
    codes, errors = run_jobs(
        {**whole, "replicas": 1},
        {**more, "replicas": 1, "every": 1, "kill_at": 9},
        {**more, "replicas": 2},
        {**fewer, "replicas": 2, "every": 1, "kill_at": 9},
        {**fewer, "replicas": 1},
    )
    assert codes == [0, KILLED, 0, KILLED, 0], errors
    expected, *others = (kerascnn.load_run(path) for path in paths)
    for run in others:
        assert [life["position"] for life in run.config["resumed"]] == [[1, 3]]
        assert run.config["resumed"][0]["changed"] == []
        for name in RESULTS:
            np.testing.assert_allclose(run.history[name], expected.history[name], rtol=1e-4)
        for one, other in zip(
            run.load("last").get_weights(), expected.load("last").get_weights(), strict=True
        ):
            np.testing.assert_allclose(one, other, atol=1e-5)


def test_a_full_disk_ends_with_8_and_the_commit_before_it_goes_on(tmp_path):
    whole, cut = str(tmp_path / "whole"), str(tmp_path / "cut")
    codes, errors = run_jobs(
        {"run_dir": whole},
        {"run_dir": cut, "every": 2, "kill_at": 8},
        {"run_dir": cut, "every": 2, "file_limit": 4000},
        {"run_dir": cut, "every": 2},
    )
    assert codes == [0, KILLED, 8, 0], errors
    assert "OutputError: cannot write" in errors
    assert outcome(cut) == outcome(whole)


# ---------------------------------------------------------------------- what may go on


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
    with pytest.raises(MismatchError, match="of another network or optimizer"):
        go(copy, resume="force", recipe=replace(jobs.RECIPE, optimizer="sgd"))


def test_the_other_wishes(stopped, tmp_path):
    with pytest.raises(OutputError, match="is not empty"):
        go(stopped, resume="never")
    with pytest.raises(UsageError, match="there is no run to go on with"):
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
    assert "going on from the end of epoch 2" in out
    (again / "checkpoints" / older.name / "state.json").unlink()
    before = sorted(again.rglob("*"))
    with pytest.raises(
        DamagedFileError, match=r"none of the 2 checkpoints of .* is whole"
    ) as error:
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
    with pytest.raises(OutputError, match="a run without checkpoints, which cannot go on"):
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


# ---------------------------------------------------------------------- the order of the images


def test_a_pipeline_begins_at_any_step_of_any_epoch():
    images = np.arange(23, dtype=np.uint8).reshape(23, 1, 1, 1)
    split, prepared = Split(images, np.arange(23)), Preprocessing(size=(1, 1), channels="grey")
    options = {"batch_size": 4, "training": True, "seed": 5, "drop_remainder": True}
    batches = [
        labels.numpy().tolist() for _, labels in pipeline(split, prepared, **options).take(15)
    ]
    for epoch, step in ((0, 0), (0, 3), (1, 2), (2, 0), (0, 5)):
        part = pipeline(split, prepared, start_epoch=epoch, start_step=step, **options).take(4)
        first = epoch * 5 + step
        assert [labels.numpy().tolist() for _, labels in part] == batches[first : first + 4]
        indices = batch_indices(split, batch_size=4, seed=5, epoch=epoch, step=step)
        assert indices.tolist() == batches[first]


def test_history_has_every_epoch_once(copy):
    go(copy)
    with (copy / "history.csv").open() as stream:
        assert [row["epoch"] for row in csv.DictReader(stream)] == ["1", "2", "3"]
