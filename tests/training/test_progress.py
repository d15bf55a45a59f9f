"""What a run shows while it goes on: lines, bars, durations."""

from __future__ import annotations

import io
import time

from rich.console import Console

import kerascnn
from kerascnn.training import callbacks, progress
from kerascnn.training.checkpoints import Position
from kerascnn.training.train import train
from support.trainings import RECIPE, small


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
    for item in (clock, display):
        item.on_epoch_begin(0)
    for step in range(5):
        time.sleep(0.01)
        for item in (clock, display):
            item.on_train_batch_end(step, {"loss": 0.25, "accuracy": 0.5})
    assert display.bars is not None
    display.bars.refresh()
    display.close()
    shown = stream.getvalue()
    for part in ("epoch 1/2", "step 5/10", "loss 0.2500", "accuracy 50.00 %", "images/s", "left"):
        assert part in shown, part
    # 4 steps took about 0.04 s after the first; 15 are left.
    assert 0.1 < 15 * 0.01 <= float(display._left().split()[0]) + 0.05 < 2


def test_durations_are_readable():
    from kerascnn.training.progress import clock

    assert [clock(s) for s in (4.21, 59.99, 187, 7387)] == ["4.2 s", "60.0 s", "3:07", "2:03:07"]
