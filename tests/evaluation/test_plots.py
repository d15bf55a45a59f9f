"""Pictures of an evaluation: the confusion matrix and the reliability diagram."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from kerascnn.evaluation.plots import calibration_figure, confusion_figure, png


@pytest.mark.parametrize("classes", [2, 10, 100, 101, 300])
def test_pictures_for_few_and_many_classes(classes):
    rng = np.random.default_rng(classes)
    matrix = rng.integers(0, 2, (classes, classes)) + 20 * np.eye(classes, dtype=int)
    names = [f"$class_{number} \n with a long name" for number in range(classes)]
    figure = confusion_figure(matrix, names, "a $ title $")
    figure.draw_without_rendering()
    axes = figure.axes[0]
    ticks = [label.get_text() for label in axes.get_yticklabels()]
    if classes <= 100:
        assert len(ticks) == classes
        assert all(len(tick) <= 19 and "\n" not in tick for tick in ticks)
        renderer = figure.canvas.get_renderer()
        boxes = [label.get_window_extent(renderer) for label in axes.get_yticklabels()]
        # Names stand apart, from the top down, and large enough to be read.
        assert all(box.y0 >= below.y1 - 1 for box, below in itertools.pairwise(boxes))
        assert min(box.height for box in boxes) >= 9
    cells = {text.get_text() for text in axes.texts}
    assert cells == ({str(n) for n in matrix[matrix > 0]} if classes <= 20 else set())


def test_the_reliability_diagram_shows_the_intervals(outcomes):
    calibration = outcomes.calibration()
    figure = calibration_figure(calibration, "t")
    heights = [patch.get_height() for patch in figure.axes[1].patches]
    assert heights == calibration.counts.tolist()
    assert png(figure).startswith(b"\x89PNG")
