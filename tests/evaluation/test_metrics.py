"""The tables and curves of an evaluation against scikit-learn and counting by hand."""

from __future__ import annotations

import csv
import itertools

import numpy as np
import pytest
from sklearn import metrics

from kerascnn.evaluation.metrics import Outcomes
from kerascnn.evaluation.plots import calibration_figure, confusion_figure, png
from kerascnn.fileio.csv_table import write_csv
from kerascnn.models.scores import log_probabilities, mean_log_probabilities


@pytest.fixture(scope="module")
def probabilities():
    scores = np.random.default_rng(3).normal(size=(400, 7)) * 2
    return np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)


@pytest.fixture(scope="module")
def labels():
    """Class 5 never occurs."""
    return np.random.default_rng(4).choice([0, 1, 2, 3, 4, 6], 400)


@pytest.fixture(scope="module")
def outcomes(probabilities, labels):
    parts = [slice(0, 150), slice(150, 399), slice(399, 400)]
    logs = np.log(probabilities)
    return Outcomes.joined([Outcomes.of(logs[part], labels[part]) for part in parts])


def test_figures_are_scikit_learn_s(outcomes, probabilities, labels):
    figures = outcomes.figures()
    classes = range(7)
    assert figures["loss"] == pytest.approx(metrics.log_loss(labels, probabilities, labels=classes))
    answers = probabilities.argmax(axis=1)
    assert figures["accuracy"] == pytest.approx(metrics.accuracy_score(labels, answers))
    top5 = metrics.top_k_accuracy_score(labels, probabilities, k=5, labels=classes)
    assert figures["top5"] == pytest.approx(top5)


def test_the_matrix_and_the_classes_are_scikit_learn_s(outcomes, probabilities, labels):
    answers = probabilities.argmax(axis=1)
    matrix = metrics.confusion_matrix(labels, answers, labels=range(7))
    np.testing.assert_array_equal(outcomes.confusion(), matrix)
    precision, recall, _, support = metrics.precision_recall_fscore_support(
        labels, answers, labels=range(7), zero_division=np.nan
    )
    for number, one in enumerate(outcomes.per_class()):
        assert one.precision == pytest.approx(precision[number])
        assert one.support == support[number]
        if number == 5:
            assert one.recall is None
            assert one.confused_with is None
            continue
        assert one.recall == pytest.approx(recall[number])
        others = matrix[number].copy()
        others[number] = 0
        assert one.confused_with == (others.argmax(), others.max())


def test_confusions_are_the_matrix_beside_its_diagonal(outcomes):
    matrix = outcomes.confusion()
    np.fill_diagonal(matrix, 0)
    again = np.zeros_like(matrix)
    for true, answer, count in outcomes.confusions():
        again[true, answer] = count
    np.testing.assert_array_equal(again, matrix)
    counts = [count for _, _, count in outcomes.confusions()]
    assert counts == sorted(counts, reverse=True)


def test_calibration_by_hand():
    # Two classes; the first is the answer with these confidences, and right where marked.
    confidence = np.array([0.95, 0.97, 0.99, 0.62, 0.64, 0.55])
    right = np.array([1, 1, 0, 1, 0, 1], bool)
    logs = np.log(np.stack([confidence, 1 - confidence], axis=1))
    calibration = Outcomes.of(logs, (~right).astype(int)).calibration()
    # Fifteenths: 0.95, 0.97, 0.99 lie above 14/15; 0.62 and 0.64 in (9/15, 10/15]; 0.55 above 8/15.
    assert calibration.counts.tolist() == [0] * 8 + [1, 2, 0, 0, 0, 0, 3]
    gaps = [abs(1 - 0.55) * 1, abs(0.5 - 0.63) * 2, abs(2 / 3 - 0.97) * 3]
    assert calibration.error == pytest.approx(sum(gaps) / 6)
    low, high, count, mean, accuracy = list(calibration.rows())[9]
    assert (low, high, count) == (pytest.approx(0.6), pytest.approx(2 / 3), 2)
    assert (mean, accuracy) == (pytest.approx(0.63), 0.5)


def test_the_calibration_error_in_one_loop(outcomes, probabilities, labels):
    confidence, answers = probabilities.max(axis=1), probabilities.argmax(axis=1)
    error = 0.0
    for low in range(15):
        chosen = (confidence > low / 15) & (confidence <= (low + 1) / 15)
        if chosen.any():
            gap = (answers == labels)[chosen].mean() - confidence[chosen].mean()
            error += chosen.mean() * abs(gap)
    assert outcomes.figures()["ece"] == pytest.approx(error)


def test_mistakes_come_by_their_loss(outcomes, probabilities, labels):
    losses = -np.log(probabilities[np.arange(400), labels])
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    assert outcomes.mistakes().tolist() == sorted(wrong.tolist(), key=lambda one: -losses[one])


def test_an_ensemble_averages_probabilities():
    parts = [np.random.default_rng(seed).normal(size=(9, 4)) * 30 for seed in range(7)]
    logs = [log_probabilities(part, logits=True) for part in parts]
    shifted = [np.exp(part - part.max(axis=1, keepdims=True)) for part in parts]
    mean = np.mean([one / one.sum(axis=1, keepdims=True) for one in shifted], axis=0)
    np.testing.assert_allclose(np.exp(mean_log_probabilities(logs)), mean, rtol=1e-9, atol=1e-300)
    far = mean_log_probabilities([np.array([[-2000.0, 0.0]]), np.array([[-1000.0, 0.0]])])
    assert far[0, 0] == pytest.approx(-1000 - np.log(2))  # neither is a number of float64


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
        assert all(one.y0 >= two.y1 - 1 for one, two in itertools.pairwise(boxes))
        assert min(box.height for box in boxes) >= 9
    cells = {text.get_text() for text in axes.texts}
    assert cells == ({str(n) for n in matrix[matrix > 0]} if classes <= 20 else set())


def test_the_reliability_diagram_shows_the_intervals(outcomes):
    calibration = outcomes.calibration()
    figure = calibration_figure(calibration, "t")
    heights = [patch.get_height() for patch in figure.axes[1].patches]
    assert heights == calibration.counts.tolist()
    assert png(figure).startswith(b"\x89PNG")


def test_tables_run_nothing_in_a_spreadsheet(tmp_path):
    rows = [["=cmd|' /C calc'!A0", -1.5], ['@x, "y"\nz', None], ["ärger", 3]]
    rows.append([b"\xff".decode("utf-8", "surrogateescape"), 0])
    write_csv(tmp_path / "t.csv", ["class", "n"], rows)
    with (tmp_path / "t.csv").open(newline="", encoding="utf-8") as stream:
        assert list(csv.reader(stream)) == [
            ["class", "n"],
            ["'=cmd|' /C calc'!A0", "-1.5"],
            ['\'@x, "y"\nz', ""],
            ["ärger", "3"],
            ["\\udcff", "0"],
        ]
