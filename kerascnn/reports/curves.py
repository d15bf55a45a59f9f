"""curves.png: the loss and accuracy of a run by epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascnn.fileio.atomic import atomic_file
from kerascnn.runs.run import CURVES, Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LINES: dict[str, dict[str, Any]] = {
    "": {"color": "#7a8794", "label": "training"},
    "val_": {"color": "#0b6bcb", "label": "validation"},
}
"""Prefix of a column of the history -> its style in the plot."""
MARK = "#c2410c"


def draw_curves(run: Run) -> Path | None:
    """Draws curves.png from the run's history; returns its path, or None before the first epoch."""
    if not run.history.get("epoch"):
        return None
    path = run.path / CURVES
    with atomic_file(path) as temporary:
        make_figure(run).savefig(temporary, format="png")
    return path


def make_figure(run: Run) -> Figure:
    """Returns the plot of a run with at least one epoch.

    The accuracy axis is logarithmic in the error: 99 % and 99.9 % are as far apart as 90 % and
    99 %.
    """
    # The object interface: pyplot has a global state that belongs to the caller.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    history, config, best = run.history, run.config, run.best
    figure = Figure(figsize=(10, 4.2), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    smallest = 0.5 / max(config["data"]["test"], config["data"]["train"])
    _draw_loss(left, history)
    _draw_accuracy(right, history, smallest)
    for axes in (left, right):
        _decorate(axes, len(history["epoch"]), best["epoch"])
    accuracy = best["metrics"]["val_accuracy"]
    figure.suptitle(
        f"{config['model']['name']} on {config['data']['name']}: "
        f"{accuracy * 100:.2f} % after epoch {best['epoch']} (error {(1 - accuracy) * 100:.2f} %)",
        fontsize=12,
        fontweight="bold",
    )
    return figure


def _draw_loss(axes: Axes, history: Mapping[str, Sequence[float]]) -> None:
    for prefix, style in LINES.items():
        axes.plot(history["epoch"], history[f"{prefix}loss"], marker="o", ms=3, **style)
    if min(*history["loss"], *history["val_loss"]) > 0:
        axes.set_yscale("log")
    axes.set_title("loss (cross-entropy)", fontsize=10, loc="left")


def _draw_accuracy(axes: Axes, history: Mapping[str, Sequence[float]], smallest: float) -> None:
    """Draws -log10 of the error, labelled as accuracy; an error of 0 counts as half an image."""
    heights = []
    for prefix, style in LINES.items():
        height = [-math.log10(max(1 - value, smallest)) for value in history[f"{prefix}accuracy"]]
        heights += height
        axes.plot(history["epoch"], height, marker="o", ms=3, **style)
    low, high = min(heights), max(heights)
    room = max(0.08 * (high - low), 0.03)
    axes.set_ylim(low - room, high + room)
    ticks = {
        power - math.log10(error): f"{100 - error * 10 ** (2 - power):.10g} %"
        for power in range(6)
        for error in (1.0, 0.5, 0.2)
    }
    shown = {height: text for height, text in ticks.items() if low - room <= height <= high + room}
    axes.set_yticks(list(shown), list(shown.values()))
    axes.set_title("accuracy (logarithmic in the error)", fontsize=10, loc="left")


def _decorate(axes: Axes, epochs: int, best: int) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.axvline(best, color=MARK, lw=1, ls=":", label=f"best: epoch {best}")
    axes.set_xlabel("epoch")
    axes.set_xlim(0.5, epochs + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=9)
