"""Ctrl-C, SIGTERM, and what a run shows while it goes on."""

from __future__ import annotations

import io
import signal
import threading
import time
from collections import Counter

import numpy as np
import pytest
from rich.console import Console
from tensorflow.tsl.profiler.protobuf import xplane_pb2

import kerascnn
from kerascnn.errors import Interrupted
from kerascnn.training import callbacks, checkpoints, progress
from kerascnn.training.checkpoints import Position
from kerascnn.training.train import train
from support.trainings import RECIPE, halves, quiet, small


@pytest.fixture(scope="module")
def data():
    return halves()


def interrupted_run(data, path, monkeypatch, number):
    """Sends a signal in the second step of the third epoch."""
    real = callbacks.Measurements.on_train_batch_end

    def on_train_batch_end(self, batch, logs=None):
        real(self, batch, logs)
        if int(self.model.optimizer.iterations) == 2 * 6 + 2:
            signal.raise_signal(number)

    monkeypatch.setattr(callbacks.Measurements, "on_train_batch_end", on_train_batch_end)
    model = small()
    with pytest.raises(Interrupted) as caught:
        quiet(model, data, path, epochs=4)
    return model, caught.value


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_keeps_and_names_best_and_last(data, tmp_path, monkeypatch, number):
    before = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}
    model, error = interrupted_run(data, tmp_path / "r", monkeypatch, number)
    assert error.exit_code == 75
    assert number.name in str(error)
    assert "the same command goes on from there" in str(error)
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
    assert {one: signal.getsignal(one) for one in before} == before


def test_a_second_ctrl_c_writes_nothing_more(data, tmp_path, monkeypatch):
    """It may come in the middle of a step, where what is in memory is nothing to keep."""

    def on_epoch_end(self, epoch, logs=None):
        raise KeyboardInterrupt

    monkeypatch.setattr(callbacks.HistoryFile, "on_epoch_end", on_epoch_end)
    with pytest.raises(Interrupted, match=r"Ctrl-C; kept: best\.keras and last\.keras in "):
        quiet(small(), data, tmp_path / "r")
    found, complaints = checkpoints.newest(tmp_path / "r" / "checkpoints")
    assert (found.position, complaints) == (Position(0, 0), [])


def test_training_in_another_thread_leaves_signals_alone(data, tmp_path):
    result = []
    worker = threading.Thread(
        target=lambda: result.append(quiet(small(), data, tmp_path / "r", epochs=1))
    )
    worker.start()
    worker.join()
    assert result[0].history["epoch"] == [1]


# ---------------------------------------------------------------------- progress


def test_progress_is_one_plain_line_an_epoch_without_a_terminal(data, tmp_path, capsys):
    train(small(), data, recipe=RECIPE, run_dir=tmp_path / "r")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("small (475 parameters) on halves: 100 training and 50 held-out")
    epochs, final = lines[1:-4], lines[-4:]
    run = kerascnn.load_run(tmp_path / "r")
    history = run.history
    assert final[0].split() == ["epoch", "loss", "accuracy", "val_loss", "val_accuracy"]
    for line, title, epoch in ((final[1], "last", 3), (final[2], "best", run.best["epoch"])):
        loss, accuracy = (history[name][epoch - 1] for name in ("loss", "val_accuracy"))
        cells = line.replace(" %", "").split()
        assert cells[:3] == [title, str(epoch), f"{loss:.4f}"]
        assert cells[-1] == f"{accuracy * 100:.2f}"
    assert len({len(line) for line in final[:3]}) == 1
    assert final[3].startswith("3 epochs in ")
    assert final[3].endswith(f"see {tmp_path / 'r'}")
    assert len(epochs) == 3
    for number, line in enumerate(epochs, 1):
        assert line.startswith(
            f"epoch {number}/3  loss {history['loss'][number - 1]:.4f}  accuracy"
        )
        assert f"val_accuracy {history['val_accuracy'][number - 1] * 100:.2f} %" in line
        assert "images/s (data wait " in line
        assert ("left" in line) == (number < 3)


def test_bars_on_a_terminal_show_step_and_time_left(monkeypatch):
    monkeypatch.setattr(progress, "REFRESH", 0.0)
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=100, highlight=False)
    clock = callbacks.Clock(10, Position(0, 0))
    display = progress.ProgressDisplay(2, 16, clock, console)
    display.on_train_begin()
    for one in (clock, display):
        one.on_epoch_begin(0)
    for step in range(5):
        time.sleep(0.01)
        for one in (clock, display):
            one.on_train_batch_end(step, {"loss": 0.25, "accuracy": 0.5})
    assert display.bars is not None
    display.bars.refresh()
    display.close()
    shown = stream.getvalue()
    for part in ("epoch 1/2", "step 5/10", "loss 0.2500", "accuracy 50.00 %", "images/s", "left"):
        assert part in shown, part
    # 4 steps took about 0.04 s after the first; 15 are left.
    assert 0.1 < 15 * 0.01 <= float(display._left().split()[0]) + 0.05 < 2


def test_a_profile_of_so_many_steps_is_written_for_tensorboard(data, tmp_path):
    """An epoch has 12 steps here, so that steps 6 to 8 are of one."""
    run = quiet(small(), data, tmp_path / "r", batch_size=8, epochs=1, profile=3)
    (file,) = run.path.glob("tensorboard/train/plugins/profile/*/*.xplane.pb")
    counts = Counter(
        plane.event_metadata[event.metadata_id].name
        for plane in xplane_pb2.XSpace.FromString(file.read_bytes()).planes
        for line in plane.lines
        for event in line.events
    )
    # Keras's name of the function that is called for each step, to train or to evaluate.
    steps = [count for name, count in counts.items() if "_step_on_iterator_" in name]
    assert steps == [3]


def test_durations_are_readable():
    from kerascnn.training.progress import clock

    assert [clock(s) for s in (4.21, 59.99, 187, 7387)] == ["4.2 s", "60.0 s", "3:07", "2:03:07"]
