"""Plots of an evaluation: the confusion matrix and the reliability diagram."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from kerascnn.evaluation.metrics import Calibration
from kerascnn.lazy import np

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure

INK = "#1c2430"
BLUE = "#0b6bcb"
MARK = "#c2410c"
GREY = "#7a8794"
ANNOTATED = 20
"""The most classes for which every cell of the matrix shows its number."""
NAMED = 100
"""The most classes for which rows and columns show their names."""
LONGEST = 18
"""The most characters of a class name on an axis."""


def confusion_figure(matrix: np.ndarray, class_names: Sequence[str], title: str) -> Figure:
    """Returns the plot of a confusion matrix; colours show shares of the true class.

    Right answers are blue and mistakes red, so that a few mistakes are visible beside many right
    answers.
    """
    classes = len(matrix)
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    named = classes <= NAMED
    side = min(max(3.2, 0.34 * classes + 1.2), 17) if named else 11
    large = 11 if classes <= 30 or not named else 16
    margin = 0.085 * min(max(map(len, class_names)), LONGEST) if named else 0.2
    figure = _figure((side + margin + 0.6, side + margin + 0.6))
    axes = figure.subplots()
    # The square root makes single mistakes visible on white.
    axes.imshow(_colours(np.sqrt(shares)), interpolation="nearest", aspect="equal")
    if named:
        names = [_short(name) for name in class_names]
        size = 9 if classes <= 30 else 7.5
        flat = max(map(len, names)) <= 3 and classes <= 30
        axes.set_xticks(range(classes), names, rotation=0 if flat else 90, fontsize=size)
        axes.set_yticks(range(classes), names, fontsize=size)
        axes.tick_params(length=0)
    else:  # a cell would be a single pale pixel
        rows, columns = np.nonzero(matrix * ~np.eye(classes, dtype=bool))
        sizes = 2 + 60 * shares[rows, columns]
        axes.scatter(columns, rows, s=sizes, color=MARK, alpha=0.5, linewidths=0)
    if classes <= ANNOTATED:
        for row, column in zip(*np.nonzero(matrix), strict=True):
            dark = shares[row, column] > 0.3
            axes.text(
                column, row, f"{matrix[row, column]:,}", ha="center", va="center",
                color="white" if dark else INK, fontsize=9 if matrix.max() < 10_000 else 6,
            )  # fmt: skip
    for edge in np.arange(classes - 1) + 0.5 if named else ():
        axes.axhline(edge, color="#e3e7ec", lw=0.4)
        axes.axvline(edge, color="#e3e7ec", lw=0.4)
    axes.spines[:].set_color("#c3cad3")
    axes.set_xlabel("answer", fontsize=large)
    axes.set_ylabel("true class", fontsize=large)
    axes.set_title(title, fontsize=large, loc="left", parse_math=False)
    return figure


def calibration_figure(calibration: Calibration, title: str) -> Figure:
    """Returns the reliability diagram: accuracy and number of images by confidence."""
    figure = _figure((5.2, 5.6))
    upper, lower = figure.subplots(2, 1, height_ratios=[3, 1], sharex=True)
    edges, some = calibration.edges, calibration.counts > 0
    width = edges[1] - edges[0]
    middle = (edges[:-1] + edges[1:]) / 2
    upper.plot([0, 1], [0, 1], color=GREY, lw=1, ls="--", label="as confident as right")
    upper.bar(
        middle[some], calibration.accuracy[some], width, color=BLUE, alpha=0.85, edgecolor="white",
        lw=0.5, label="accuracy",
    )  # fmt: skip
    low = np.minimum(calibration.accuracy, calibration.confidence)[some]
    gap = np.abs(calibration.accuracy - calibration.confidence)[some]
    upper.bar(
        middle[some], gap, width, bottom=low, color="none", edgecolor=MARK, lw=0.8, hatch="////",
        label=f"gap (mean {calibration.error:.3f})",
    )  # fmt: skip
    upper.set_ylim(0, 1)
    upper.set_ylabel("accuracy")
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    upper.set_title(title, fontsize=11, loc="left", parse_math=False)
    lower.bar(middle, calibration.counts, width, color=GREY, edgecolor="white", lw=0.5)
    lower.set_yscale("symlog", linthresh=1)
    lower.set_ylabel("images")
    lower.set_xlabel("confidence")
    lower.set_xlim(0, 1)
    for axes in (upper, lower):
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def png(figure: Figure) -> bytes:
    """Returns a figure as PNG bytes."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return stream.getvalue()


def _figure(size: tuple[float, float]) -> Figure:
    # The object interface: pyplot has a global state that belongs to the caller.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _colours(strength: np.ndarray) -> np.ndarray:
    """Returns RGB values: white for 0; for 1, blue on the diagonal and red elsewhere."""
    red, blue = np.array([0.76, 0.25, 0.05]), np.array([0.04, 0.42, 0.80])
    ends = np.where(np.eye(len(strength), dtype=bool)[..., None], blue, red)
    return 1 - strength[..., None] * (1 - ends)


def _short(name: str) -> str:
    """Returns a class name for an axis: one line, printable, cut when it is long."""
    text = "".join(letter if letter.isprintable() else " " for letter in name)
    text = text.replace("$", r"\$")  # two dollar signs would start a formula
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
