"""Progress of a training run: bars on a terminal, one line for each epoch elsewhere."""

from __future__ import annotations

import time

import keras
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from kerascnn.text_table import text_table
from kerascnn.training.callbacks import Clock

Logs = dict[str, float] | None
REFRESH = 0.1
"""Seconds between two updates of the bars."""


def bars(console: Console) -> Progress:
    """Returns progress bars with a label and figures; they disappear when they are stopped."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[figures]}"),
        console=console,
        transient=True,
    )


class ConsoleBars:
    """Progress bars on a console, and lines above them.

    Subclasses set `console`, and `bars` to None on anything but a terminal.
    """

    console: Console
    bars: Progress | None

    def say(self, line: str) -> None:
        """Prints a line, above the bars if there are any."""
        self.console.print(Text(line), soft_wrap=True)

    def close(self) -> None:
        """Removes the bars; the printed lines stay."""
        if self.bars is not None:
            self.bars.stop()


class ProgressDisplay(ConsoleBars, keras.callbacks.Callback):
    """Shows epoch, step, loss, accuracy, images per second and the remaining time.

    Args:
        epochs: number of epochs of the whole run.
        batch_size: images in a step.
        clock: counts epochs and steps.
        console: where to print; None for standard output.
    """

    def __init__(
        self, epochs: int, batch_size: int, clock: Clock, console: Console | None = None
    ) -> None:
        super().__init__()
        self.epochs, self.steps, self.batch_size = epochs, clock.steps, batch_size
        self.clock = clock
        self.console = console or Console(highlight=False)
        self.bars = None
        self.first = self.shown = 0.0
        self.begun = self.done = clock.total

    def on_train_begin(self, logs: Logs = None) -> None:
        if self.console.is_terminal:
            self.bars = bars(self.console)
            # The upper bar counts steps too, so that it advances during a long epoch.
            self.whole = self.bars.add_task("", total=self.epochs * self.steps, figures="")
            self.part = self.bars.add_task("", total=self.steps, figures="")
            self.bars.start()

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self.epoch_started = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        self.done = self.clock.total
        first = self.done == self.begun + 1
        if first:
            self.first = time.perf_counter()  # the first step compiles the model: not timed
        # A step may take only a millisecond, and an update takes nearly as long.
        now = time.perf_counter()
        if self.bars is None or (now < self.shown + REFRESH and self.clock.step < self.steps):
            return
        self.shown = now
        compiled = self.done - self.begun == batch + 1  # in this epoch
        timed, since = (batch, self.first) if compiled else (batch + 1, self.epoch_started)
        rate = timed * self.batch_size / max(now - since, 1e-9)
        step = self.clock.step
        self.bars.update(
            self.whole,
            completed=self.done,
            description=f"epoch {self.clock.epoch + 1}/{self.epochs}",
            figures=self._left(),
        )
        self.bars.update(
            self.part,
            completed=step,
            description=f"step {step}/{self.steps}",
            figures=f"{figures(logs or {})}  {rate:,.0f} images/s",
        )

    def on_test_begin(self, logs: Logs = None) -> None:
        if self.bars is not None:
            self.bars.update(self.part, description="validating")

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        logs = logs or {}
        line = (
            f"epoch {epoch + 1:{len(str(self.epochs))}}/{self.epochs}  {figures(logs)}  "
            f"{logs['images_per_second']:,.0f} images/s{_wait(logs)}  {clock(logs['seconds'])}"
            + (f"  {self._left()}" if epoch + 1 < self.epochs else "")
        )
        self.say(line)

    def _left(self) -> str:
        timed = self.done - self.begun - 1
        if timed < 1:
            return ""
        pace = (time.perf_counter() - self.first) / timed
        return f"{clock(pace * (self.epochs * self.steps - self.done))} left"


def _wait(logs: dict[str, float]) -> str:
    return f" (data wait {logs['data_wait']:.0%})" if "data_wait" in logs else ""


METRICS = ("loss", "accuracy", "val_loss", "val_accuracy")
"""The figures of an epoch that are shown."""


def figure(name: str, value: float) -> str:
    """Returns a figure as text: accuracies in per cent, losses with four digits."""
    return f"{value * 100:.2f} %" if "accuracy" in name else f"{value:.4f}"


def figures(logs: dict[str, float]) -> str:
    """Returns the names and values of those METRICS that `logs` has."""
    return "  ".join(f"{name} {figure(name, logs[name])}" for name in METRICS if name in logs)


def table(rows: dict[str, dict[str, float]]) -> str:
    """Returns a text table with a row for each entry: title, epoch and METRICS."""
    metrics = [name for name in METRICS if all(name in row for row in rows.values())]
    header = ["", "epoch", *metrics]
    cells = [
        [title, str(row["epoch"]), *(figure(name, row[name]) for name in metrics)]
        for title, row in rows.items()
    ]
    return text_table(header, cells, right=range(len(header)))


def clock(seconds: float) -> str:
    """Returns a duration as text: 4.2 s, 3:07 or 2:03:07."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, remainder = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{remainder:02}" if hours else f"{minutes}:{remainder:02}"
