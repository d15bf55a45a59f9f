"""Ctrl-C and SIGTERM, in the same process and to the command."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import kerascnn
from kerascnn.errors import Interrupted
from kerascnn.training import callbacks, checkpoints
from kerascnn.training.checkpoints import Position
from support.processes import QUIET, start_python
from support.trainings import halves, quiet, small


@pytest.fixture(scope="module")
def data():
    return halves()


def interrupted_run(data, path, monkeypatch, number, **arguments):
    """Sends a signal in the second step of the third epoch."""
    real = callbacks.Measurements.on_train_batch_end

    def on_train_batch_end(self, batch, logs=None):
        real(self, batch, logs)
        if int(self.model.optimizer.iterations) == 2 * 6 + 2:
            signal.raise_signal(number)

    monkeypatch.setattr(callbacks.Measurements, "on_train_batch_end", on_train_batch_end)
    model = small()
    with pytest.raises(Interrupted) as caught:
        quiet(model, data, path, epochs=4, **arguments)
    return model, caught.value


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_keeps_and_names_best_and_last(data, tmp_path, monkeypatch, number):
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    model, error = interrupted_run(data, tmp_path / "r", monkeypatch, number)
    assert error.exit_code == 75
    assert number.name in str(error)
    assert "run the same command to resume there" in str(error)
    assert f"kept: best.keras and last.keras in {tmp_path / 'r'}" in str(error)
    run = kerascnn.load_run(tmp_path / "r")
    assert run.history["epoch"] == [1, 2]
    assert (run.path / "curves.png").exists()
    # The signal came in step 2 of epoch 3; that step was finished, one more was not begun.
    assert int(model.optimizer.iterations) == 14
    assert "after step 2 of epoch 3" in str(error)
    for kept, now in zip(run.load("last").get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(kept, now)
    assert run.load("best") is not None
    assert {number: signal.getsignal(number) for number in before} == before


def resumed_with(data, path, monkeypatch, error, **arguments):
    """Follows the advice of an interruption, and returns where the run is resumed."""
    monkeypatch.undo()
    run = quiet(small(), data, path, epochs=4, **arguments)
    assert "after step 2 of epoch 3" in str(error)
    return run.config["resumed"][0]["position"]


def test_with_overwrite_another_command_resumes(data, tmp_path, monkeypatch):
    path = tmp_path / "r"
    quiet(small(), data, path, epochs=1)
    _, error = interrupted_run(data, path, monkeypatch, signal.SIGINT, overwrite=True)
    assert "run the same command without --overwrite to resume there" in str(error)
    assert resumed_with(data, path, monkeypatch, error) == [2, 2]


def test_with_resume_never_another_command_resumes(data, tmp_path, monkeypatch):
    path = tmp_path / "r"
    _, error = interrupted_run(data, path, monkeypatch, signal.SIGINT, resume="never")
    assert "run the same command without --resume never to resume there" in str(error)
    assert resumed_with(data, path, monkeypatch, error) == [2, 2]


def test_a_run_without_a_directory_of_its_own_is_resumed_in_the_one_it_got(
    data, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    _, error = interrupted_run(data, None, monkeypatch, signal.SIGINT)
    (path,) = (tmp_path / "runs").iterdir()
    advice = f"run the same command with --run-dir runs/{path.name} to resume there"
    assert advice in str(error)
    assert resumed_with(data, path, monkeypatch, error) == [2, 2]


def test_a_second_ctrl_c_writes_nothing_more(data, tmp_path, monkeypatch):
    """It may come in the middle of a step, where what is in memory is nothing to keep."""

    def on_epoch_end(self, epoch, logs=None):
        raise KeyboardInterrupt

    monkeypatch.setattr(callbacks.HistoryFile, "on_epoch_end", on_epoch_end)
    with pytest.raises(Interrupted, match=r"Ctrl-C; kept: best\.keras and last\.keras in "):
        quiet(small(), data, tmp_path / "r")
    result, complaints = checkpoints.newest(tmp_path / "r" / "checkpoints")
    assert (result.position, complaints) == (Position(0, 0), [])


def test_training_in_another_thread_leaves_signals_alone(data, tmp_path):
    result = []
    worker = threading.Thread(
        target=lambda: result.append(quiet(small(), data, tmp_path / "r", epochs=1))
    )
    worker.start()
    worker.join()
    assert result[0].history["epoch"] == [1]


def test_ctrl_c_ends_the_command_with_75_and_names_the_files(tmp_path):
    run_dir = tmp_path / "run"
    command = ["-m", "kerascnn", "train", "lenet5", "digits", "--epochs", "10000"]
    process = start_python(*command, "--run-dir", run_dir, **QUIET)
    deadline = time.monotonic() + 120
    while not (run_dir / "history.csv").exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 75
    last = errors.strip().splitlines()[-1]
    assert last.startswith("kerascnn: error: stopped by SIGINT")
    assert f"kept: best.keras and last.keras in {run_dir}" in last
    run = kerascnn.load_run(run_dir)
    assert run.load("best").output_shape == run.load("last").output_shape == (None, 10)
    assert not [path for path in run_dir.iterdir() if path.name.startswith(".")]


def test_interrupted_training_keeps_and_names_its_models(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    arguments = ["train", "lenet5", "digits", "--epochs", "1000", "--run-dir", str(run_dir)]
    job = start_python("-m", "kerascnn", *arguments)
    deadline = time.monotonic() + 120
    while not (run_dir / "last.keras").exists() and job.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    job.send_signal(signal.SIGINT)
    _, errors = job.communicate(timeout=60)
    assert job.returncode == 75
    last = errors.splitlines()[-1]
    assert last.startswith("kerascnn: error: ")
    assert f"best.keras and last.keras in {run_dir}" in last
    assert "Traceback" not in errors
    assert kerascnn.load_run(run_dir).load("last").count_params() == 61_706
