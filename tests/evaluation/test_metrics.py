"""The figures of an evaluation against scikit-learn and counting by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from kerascnn.evaluation.metrics import Outcomes
from kerascnn.models.scores import log_probabilities


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
    for number, item in enumerate(outcomes.per_class()):
        assert item.precision == pytest.approx(precision[number])
        assert item.support == support[number]
        if number == 5:
            assert item.recall is None
            assert item.confused_with is None
            continue
        assert item.recall == pytest.approx(recall[number])
        others = matrix[number].copy()
        others[number] = 0
        assert item.confused_with == (others.argmax(), others.max())


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
    assert outcomes.mistakes().tolist() == sorted(wrong.tolist(), key=lambda item: -losses[item])


def test_of_equal_scores_the_first_class_leads():
    scores = np.array([[0.5, 0.5, 0.0], [0.5, 0.5, 0.0], [1.0, 1.0, 1.0]])
    outcomes = Outcomes.of(log_probabilities(scores, logits=True), np.array([0, 1, 2]))
    np.testing.assert_array_equal(outcomes.ranks, [0, 1, 2])
    np.testing.assert_array_equal(outcomes.answers, [0, 0, 0])
