"""A precision below float32 is taken only when it is proven to agree and to be faster."""

from __future__ import annotations

import time

import numpy as np
import pytest

from kerascnn.predictor import Predictor
from kerascnn.trials import ENOUGH, Candidate, Trial
from reference.direct import softmax, write_onnx


@pytest.fixture
def pixels():
    return np.random.default_rng(1).integers(0, 256, (40, 2, 2), dtype="uint8")


def rounded(scores, logits):
    """Stands for arithmetic that is coarser than float32: another class where two are near."""
    return lambda batch: np.round(scores(batch) * logits) / logits


@pytest.fixture
def halves(monkeypatch):
    """Gives every network a `half`, whatever this processor can do, and its settings."""
    import dataclasses

    from kerascnn import predictor

    wanted = {"make": lambda scores: scores, "made": 0}
    plain = predictor.open_classifier

    def opened(*arguments, **options):
        network = plain(*arguments, **options)

        def half():
            wanted["made"] += 1
            return wanted["make"](network.scores)

        return dataclasses.replace(network, half=half)

    monkeypatch.setattr(predictor, "open_classifier", opened)
    return wanted


def test_half_precision_is_taken_when_100_images_agree(halves, pixels, tmp_path):
    halves["make"] = lambda scores: lambda batch: scores(batch)
    predictor = Predictor(write_onnx(tmp_path / "model.onnx"), batch_size=20)
    exact = predictor._compute

    def slow(batch):  # what is faster is not what this test is about
        time.sleep(0.02)
        return exact(batch)

    predictor._compute = slow
    assert predictor.info.precision == "float32"
    assert "on trial" in predictor.info.reason
    predictor(pixels[0])
    assert halves["made"] == 0  # one image is not worth a second network
    for _ in range(-(-ENOUGH // 40) + 1):
        predictor(pixels)
    assert predictor.info.precision == "bfloat16"
    assert predictor.info.agreement == 1.0
    assert predictor.info.compared >= ENOUGH
    assert "of the time" in predictor.info.reason
    assert predictor._compute is not slow


def test_a_trial_takes_the_fastest_that_agrees_for_99_of_100():
    """One image in each batch; float32 says class 0 with certainty and takes a second."""
    answer = np.array([[1.0, 0.0]])

    def says(wrong_at, seconds):
        calls = iter(range(1000))
        made = Candidate(f"wrong at {wrong_at}", lambda: lambda batch: wrong(next(calls)), False)

        def wrong(call):
            return np.array([[0.0, 1.0]]) if call in wrong_at else answer

        def compare(batch, wanted, whole=made.compare):
            whole(batch, wanted)
            made.seconds = seconds

        made.compare = compare
        return made

    once, twice, slow = says({5}, 0.5), says({5, 60}, 0.1), says((), 2.0)
    trial = Trial([once, twice, slow])
    for shown in range(1, 101):
        assert trial.running
        trial.show(np.zeros((1, 1, 1, 1)), answer, 1.0)
        assert twice.decided == min(shown, 61)  # out at its second fault
    assert not trial.running
    assert trial.winner is once
    assert "99 of 100" in trial.reason
    tied = Trial([says((), 0.1)], None)
    tied.show(np.zeros((1, 1, 1, 1)), np.array([[0.5004, 0.4996]]), 1.0)
    tied.end()
    assert tied.winner is None
    assert "decided" in tied.reason
    late = Trial([says((), 2.0)], None)
    late.show(np.zeros((1, 1, 1, 1)), answer, 1.0)
    late.end()
    assert late.winner is None
    assert "200% of the time" in late.reason


def test_samples_end_the_trial_at_once(halves, pixels, tmp_path):
    halves["make"] = lambda scores: lambda batch: scores(batch)
    predictor = Predictor(write_onnx(tmp_path / "model.onnx"), samples=pixels)
    assert predictor.info.compared >= 35
    assert predictor.info.agreement == 1.0
    assert "trial" not in predictor.info.reason


def test_half_precision_that_errs_is_refused_and_the_answers_stay_those_of_float32(
    halves, pixels, tmp_path
):
    halves["make"] = lambda scores: rounded(scores, 1)
    path = write_onnx(tmp_path / "model.onnx")
    predictor = Predictor(path, samples=pixels)
    assert predictor.info.precision == "float32"
    assert predictor.info.agreement < 0.99
    for prediction, image in zip(predictor(pixels), pixels, strict=True):
        np.testing.assert_allclose(prediction.scores, np.sort(softmax(image))[::-1], rtol=2e-5)
    later = Predictor(path)
    for _ in range(4):
        right = later(pixels)
    assert later.info.precision == "float32"
    assert "for only" in later.info.reason
    np.testing.assert_allclose(right[0].scores, np.sort(softmax(pixels[0]))[::-1], rtol=2e-5)


def test_an_untrained_network_proves_nothing(halves, pixels, tmp_path):
    path = write_onnx(tmp_path / "model.onnx", factors=np.zeros((4, 4), "float32"))
    predictor = Predictor(path, samples=pixels)
    assert predictor.info.precision == "float32"
    assert "decided" in predictor.info.reason


def test_int8_beside_float32_is_a_candidate_too(pixels, tmp_path):
    write_onnx(tmp_path / "model.onnx")
    coarse = np.diag([3.0, 4.0, 5.0, 0.1]).astype("float32")  # never says west
    write_onnx(tmp_path / "model-int8.onnx", factors=coarse, precision="int8")
    predictor = Predictor(tmp_path, runtime="onnxruntime", samples=pixels)
    assert predictor.info.precision == "float32"
    same = [softmax(one).argmax() == softmax(one, coarse).argmax() for one in pixels]
    assert predictor.info.agreement == pytest.approx(np.mean(same), abs=1e-6)
    asked = Predictor(tmp_path, runtime="onnxruntime", precision="int8")
    assert asked.info.precision == "int8"
    assert asked.info.file.endswith("model-int8.onnx")
    np.testing.assert_allclose(
        asked(pixels[0])[0].scores, np.sort(softmax(pixels[0], coarse))[::-1], rtol=2e-5
    )
