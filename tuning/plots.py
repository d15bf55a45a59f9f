"""The plots of a search: accuracy against cost, parallel coordinates, importance, curves."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kerascnn.lazy import np
from kerascnn.tuning.axes import Axis, Range
from kerascnn.tuning.trial import Trial, pareto

if TYPE_CHECKING:
    import numpy as np

NAMES = {
    "params": "trainable parameters",
    "macs": "multiply-accumulates for one image",
    "memory": "bytes of a training step",
    "latency": "seconds for one image",
    "seconds": "seconds of the trial",
}
LEAST_FOR_IMPORTANCE = 6
"""With fewer trials, the importance of the axes is not computed."""
COLOURS = "viridis_r"


def _figure(width: float, height: float) -> tuple[Any, Any]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots()


def _png(figure: Any) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", facecolor="white")
    return stream.getvalue()


def by_score(trials: Iterable[Trial]) -> list[Trial]:
    """Returns the trials by rising score; trials without a score count as 0."""
    return sorted(trials, key=lambda trial: trial.score or 0)


def cost_plot(trials: Sequence[Trial], cost: str, bound: float | None = None) -> bytes:
    """Returns a PNG of validation accuracy against a cost, with the Pareto front as a line."""
    figure, axes = _figure(7, 4.4)
    completed = [trial for trial in trials if trial.score is not None and getattr(trial, cost)]
    xs = [getattr(trial, cost) for trial in completed]
    ys = [100 * (trial.score or 0) for trial in completed]
    early = [trial.stopped for trial in completed]
    for stopped, marker, label in (False, "o", "trial"), (True, "x", "stopped early"):
        points = [(x, y) for x, y, end in zip(xs, ys, early, strict=True) if end is stopped]
        if points:
            axes.scatter(*zip(*points, strict=True), marker=marker, s=28, c="#8a97a8", label=label)
    front = pareto(trials, cost)
    if front:
        line = [(getattr(trial, cost), 100 * (trial.score or 0)) for trial in front]
        axes.plot(*zip(*line, strict=True), "o-", color="#0b5cad", label="Pareto front", zorder=3)
        for trial, (x, y) in zip(front, line, strict=True):
            axes.annotate(trial.trial, (x, y), (4, -11), textcoords="offset points", fontsize=8)
    if bound is not None:
        axes.axvline(bound, color="#b3261e", linestyle="--", linewidth=1, label="budget")
    if xs and max(xs) > 8 * min(xs):
        axes.set_xscale("log")
    axes.set_xlabel(NAMES[cost])
    axes.set_ylabel("validation accuracy, %")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return _png(figure)


def curves_plot(trials: Sequence[Trial]) -> bytes:
    """Returns a PNG of the validation accuracy of all trials by epoch, the best trial on top."""
    figure, axes = _figure(7, 4.4)
    ordered_trials = by_score(trial for trial in trials if trial.history)
    for place, trial in enumerate(ordered_trials):
        scores = [100 * score for score in trial.history["val_accuracy"]]
        last = place == len(ordered_trials) - 1
        first = trial.epochs - len(scores)  # hyperband continues earlier trials
        axes.plot(
            range(first + 1, trial.epochs + 1),
            scores,
            marker="o" if len(scores) == 1 or last else None,
            color="#0b5cad" if last else "#8a97a8",
            alpha=1 if last else 0.55,
            linewidth=2 if last else 1,
            label=f"best: trial {trial.trial}" if last else None,
        )
    axes.set_xlabel("epoch")
    axes.set_ylabel("validation accuracy, %")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(alpha=0.3)
    if ordered_trials:
        axes.legend(fontsize=8)
    return _png(figure)


def position(axis: Axis, values: Mapping[str, Any]) -> float:
    """Returns where a candidate lies on an axis, in [0, 1]; -0.1 if the axis does not apply."""
    if axis.name not in values or not axis.active(values):
        return -0.1
    value = values[axis.name]
    domain = axis.domain
    if not isinstance(domain, Range):
        order = ordered_labels(axis)
        return order.index(value) / max(len(order) - 1, 1)
    if domain.log:
        return math.log(value / domain.low) / math.log(domain.high / domain.low)
    return float((value - domain.low) / (domain.high - domain.low))


def ordered_labels(axis: Axis) -> list[Any]:
    """Returns the labels of a list of choices, numbers in order."""
    labels = list(axis.labels)
    return labels if isinstance(labels[0], str) else sorted(labels)


def coordinates_plot(trials: Sequence[Trial], axes_: Sequence[Axis]) -> bytes:
    """Returns a PNG of parallel coordinates: a line for each trial, accuracy on the last axis."""
    import matplotlib

    ordered_trials = by_score(trial for trial in trials if trial.score is not None)
    figure, axes = _figure(max(7.0, 1.15 * (len(axes_) + 1)), 4.6)
    scores = [trial.score or 0 for trial in ordered_trials]
    low, high = min(scores), max(scores)
    spread = (high - low) or 1.0
    colours = matplotlib.colormaps[COLOURS]
    for place, (trial, score) in enumerate(zip(ordered_trials, scores, strict=True)):
        share = (score - low) / spread
        # Shift the lines on axes of few values, where they would hide each other.
        apart = 0.05 * (place / max(len(ordered_trials) - 1, 1) - 0.5)
        heights = [
            position(axis, trial.values) + (0 if isinstance(axis.domain, Range) else apart)
            for axis in axes_
        ]
        heights.append(share)
        rank = place / max(len(ordered_trials) - 1, 1)
        axes.plot(range(len(heights)), heights, color=colours(rank), alpha=0.75, linewidth=1.4)
    for place, axis in enumerate(axes_):
        axes.axvline(place, color="#5b6673", linewidth=0.8)
        if isinstance(axis.domain, Range):
            marks = [(0.0, axis.domain.low), (1.0, axis.domain.high)]
        else:
            order = ordered_labels(axis)
            marks = [(step / max(len(order) - 1, 1), value) for step, value in enumerate(order)]
        for height, value in marks:
            text = f"{value:.3g}" if isinstance(value, float) else str(value)
            axes.text(place + 0.03, height, text, fontsize=7, va="center", color="#1c2430")
    axes.axvline(len(axes_), color="#5b6673", linewidth=0.8)
    for height, value in (0.0, low), (1.0, high):
        axes.text(len(axes_) + 0.03, height, f"{value:.2%}", fontsize=7, va="center")
    names = [*(axis.name for axis in axes_), "accuracy"]
    axes.set_xticks(range(len(names)), names, rotation=30, ha="right", fontsize=8)
    axes.set_xlim(-0.15, len(axes_) + 0.6)
    axes.set_yticks([])
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(False)
    for text in axes.texts:
        text.set_in_layout(False)  # the texts lie within the axes
    return _png(figure)


def importance(trials: Sequence[Trial], axes_: Sequence[Axis]) -> dict[str, float]:
    """Returns how much of the accuracy each axis explains, as shares that add up to 1.

    A random forest learns to predict the accuracy from the axes. The importance of an axis is the
    increase of the mean squared error when its values are shuffled among the trials, 20 times.

    Args:
        trials: trials of a search; only completed ones are used.
        axes_: axes of the space.

    Returns:
        The shares, largest first; {} for fewer than 6 trials, or if the forest learns nothing.
    """
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.inspection import permutation_importance

    completed = [trial for trial in trials if trial.score is not None]
    if len(completed) < LEAST_FOR_IMPORTANCE or not axes_:
        return {}
    columns = np.array([[position(axis, trial.values) for axis in axes_] for trial in completed])
    scores = np.array([trial.score for trial in completed])
    forest = RandomForestRegressor(300, min_samples_leaf=2, random_state=0).fit(columns, scores)
    permutations = permutation_importance(
        forest, columns, scores, scoring="neg_mean_squared_error", n_repeats=20, random_state=0
    )
    shares = np.maximum(permutations.importances_mean, 0)
    if not shares.sum():
        return {}
    shares = shares / shares.sum()
    order = np.argsort(-shares)
    return {axes_[place].name: float(shares[place]) for place in order}


def importance_plot(shares: Mapping[str, float]) -> bytes:
    """Returns a PNG of `importance`, with one bar for each axis."""
    figure, axes = _figure(7, 0.9 + 0.34 * len(shares))
    names = list(shares)[::-1]
    bars = axes.barh(names, [100 * shares[name] for name in names], color="#0b5cad")
    axes.bar_label(bars, fmt="%.0f %%", fontsize=8, padding=3)
    axes.set_xlabel("share of the accuracy's variation that the axis explains, %")
    axes.margins(x=0.12)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return _png(figure)


def scaling_plot(points: Sequence[Any]) -> bytes:
    """Returns a PNG of accuracy against cost, with a line from the base for each way of scaling."""
    figure, axes = _figure(7, 4.4)
    base = points[0]
    for way in dict.fromkeys(point.way for point in points[1:]):
        line = [base, *(point for point in points if point.way == way)]
        macs, scores = zip(*((point.macs, 100 * point.score) for point in line), strict=True)
        axes.plot(macs, scores, "o-", label=way)
    axes.set_xscale("log")
    axes.set_xlabel(NAMES["macs"])
    axes.set_ylabel("validation accuracy, %")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return _png(figure)
