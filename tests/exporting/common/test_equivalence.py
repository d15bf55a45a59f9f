"""The proof of `export`: its figures are those of the scores, and what is wrong is refused."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn.errors import MismatchError
from kerascnn.exporting.common import equivalence
from kerascnn.exporting.exporter import export
from kerascnn.imaging.preprocessing import Preprocessing
from support.exports import tiny
from support.reference import activations


def asked(answers: np.ndarray, real: int = 0) -> equivalence.Reference:
    return equivalence.Reference(real, (np.zeros((len(answers), 1, 1, 1)),), (answers,), None)


def test_the_figures_are_those_of_the_scores():
    """An artifact that is off by known amounts gets known figures and the known verdict."""
    answers = np.array([[2.0, 7.0, 1.0], [5.0, 5.0 - 1e-5, 0.0]], "float32")
    limits = equivalence.Limits(1e-3, 1.0)

    def off(*cells: tuple[int, int, float]) -> np.ndarray:
        changed = answers.copy()
        for row, column, amount in cells:
            changed[row, column] += np.float32(amount)
        return changed

    comparison = equivalence.compare(
        "x", lambda _: off((0, 2, 3e-3), (1, 0, -2e-5)), asked(answers, 1), limits
    )
    assert comparison.difference == pytest.approx(3e-3, rel=1e-3)
    assert comparison.relative == pytest.approx(3e-3 / 7, rel=1e-3)
    assert comparison.tolerance == pytest.approx(1e-3)
    # The second image's own margin, 1e-5, is below what is allowed: its class does not count.
    assert (comparison.ties, comparison.top1_agreement) == (1, 1)

    # 0.02 of the largest logit, 7.
    with pytest.raises(MismatchError, match=r"by 0\.02 of .* at real image 0, allowed is 0\.001"):
        equivalence.compare("x", lambda _: off((0, 2, 0.14)), asked(answers, 1), limits)
    with pytest.raises(MismatchError, match="at random image 0"):
        equivalence.compare("x", lambda _: off((1, 2, np.nan)), asked(answers, 1), limits)
    with pytest.raises(MismatchError, match="not finite"):
        equivalence.compare(
            "x", lambda _: off((1, 2, np.nan)), asked(answers), equivalence.Limits(None, 0.9)
        )
    # The margin of 5 counts even when the difference is allowed.
    with pytest.raises(MismatchError, match=r"another class first .* real image 0 \(1 of 1 images"):
        wrong = off((0, 0, 3.0), (0, 1, -3.0))
        equivalence.compare("x", lambda _: wrong, asked(answers, 1), equivalence.Limits(None, 1.0))
    # Without a limit of differences, as for int8, real images are the ones that count.
    swapped = off((1, 0, -4.0))
    assert (
        equivalence.compare(
            "x", lambda _: swapped, asked(answers, 1), equivalence.Limits(None, 1.0)
        ).ties
        == 0
    )
    with pytest.raises(MismatchError, match="shape"):
        equivalence.compare("x", lambda _: answers[:, :2], asked(answers), limits)


def softmax(logits: np.ndarray) -> np.ndarray:
    return activations.softmax(logits).astype("float32")


def test_probabilities_are_compared_as_logits():
    logits = np.array([[3.0, 1.0, -2.0], [0.0, 4.0, 1.0]])
    off = logits + np.array([[0, 0, 2e-4], [0, 0, 0]])
    # The smallest probability is e^-2 / (e^3 + e + e^-2).
    largest = 2 + np.log(np.exp(3) + np.exp(1) + np.exp(-2))
    limits = equivalence.Limits(1e-4, 1.0)
    comparison = equivalence.compare("x", lambda _: softmax(off), asked(softmax(logits)), limits)
    assert comparison.relative == pytest.approx(2e-4 / largest, rel=0.05)
    with pytest.raises(MismatchError, match="of the largest logit"):
        off = logits + np.array([[0, 0, 2e-3], [0, 0, 0]])
        equivalence.compare("x", lambda _: softmax(off), asked(softmax(logits)), limits)


def test_a_saturated_model_is_not_refused_for_the_rounding_of_its_logits():
    """Logits near 300 are rounded to 3e-5, which may move a probability of 0.5 by 1e-5."""
    logits = np.array([[300.0, 300.05, -20.0], [10.0, 280.0, 250.0]])
    off = logits + np.array([[6e-5, -6e-5, 0], [0, 0, 0]])
    assert np.abs(softmax(off) - softmax(logits)).max() > 1.3e-5
    limits = equivalence.Limits(1e-4, 1.0)
    comparison = equivalence.compare("x", lambda _: softmax(off), asked(softmax(logits)), limits)
    assert comparison.top1_agreement == 1


def test_scores_that_lie_close_together_are_compared_by_their_spread(
    tmp_path, savedmodel_off_by_a_weight
):
    answers = np.array([[0.2, 0.2001], [0.2, 0.2]], "float32")
    # A hundred times 1e-4 of the spread of 1e-4; without spread, 1e-6 of 0.2 for rounding.
    assert equivalence.allowance([answers], 1e-4) == pytest.approx(1e-6, rel=1e-3)
    assert equivalence.allowance([answers[1:]], 1e-4) == pytest.approx(2e-7, rel=1e-3)
    assert equivalence.allowance([np.array([[0.0, 1.0]])], 1e-4) == 1e-4

    model = tiny()
    head = model.get_layer("predictions")
    head.kernel.assign(head.kernel * 1e-4)
    with pytest.raises(MismatchError) as caught:
        export(model, tmp_path / "out", formats=["savedmodel"])
    # As probabilities they are off by less than 1e-5.
    assert float(str(caught.value).split("differs from Keras by ")[1].split()[0]) < 1e-4


def test_samples_are_preprocessed_and_counted(tmp_path):
    preprocessing = Preprocessing(
        size=(8, 8), fit="resize", channels="grey", scale=1 / 255, mean=(0.1,), std=(0.3,)
    )
    colour = np.random.default_rng(0).integers(0, 256, (5, 20, 11, 3), "uint8")
    (report,) = export(
        tiny(), tmp_path / "a", ["savedmodel"], samples=colour, preprocessing=preprocessing
    )
    assert (report.real, report.random) == (5, 12)
    inputs = np.random.default_rng(0).random((4, 8, 8, 1), "float32")
    (report,) = export(tiny(), tmp_path / "b", ["savedmodel"], samples=inputs)
    assert (report.real, report.random) == (4, 12)
    with pytest.raises(MismatchError, match=r"sample of shape \(20, 11, 3\)"):
        export(tiny(), tmp_path / "c", ["savedmodel"], samples=colour)


def test_random_images_span_the_range_of_the_preprocessing():
    from kerascnn.exporting.common.network import prepare

    preprocessing = Preprocessing(
        size=(8, 8), channels="grey", scale=1 / 255, mean=(0.5,), std=(0.25,)
    )
    drawn = equivalence.random_batches(prepare(tiny()).image_shape, "float32", preprocessing)
    assert [len(batch) for batch in drawn] == [1, 3, 8]
    # (0 - 0.5) / 0.25 and (1 - 0.5) / 0.25
    values = np.concatenate(drawn)
    assert -2 <= values.min() < -1.98
    assert 1.98 < values.max() <= 2


def test_a_model_with_nan_weights_is_refused(tmp_path):
    model = tiny()
    model.get_layer("c1").kernel.assign(np.full((3, 3, 1, 2), np.nan))
    with pytest.raises(MismatchError, match="not finite"):
        export(model, tmp_path / "out")
