"""Another precision or runtime is taken only when it is proven to agree and to be faster."""

from __future__ import annotations

import gc
import importlib.util
import time
import weakref
from types import SimpleNamespace

import numpy as np
import pytest

from kerascnn.errors import DamagedFileError
from kerascnn.inference.predictor import Predictor
from kerascnn.inference.runtime_trial import (
    ENOUGH_IMAGES,
    MOST_IMAGES,
    TIMED_BATCHES,
    Candidate,
    Trial,
)
from support.direct_classifier import softmax, write_onnx


def slowed(predictor):
    """Makes float32 slow: what is faster is not what these tests are about."""
    exact = predictor._compute

    def slow(batch):
        time.sleep(0.02)
        return exact(batch)

    predictor._compute = slow
    return slow


@pytest.fixture
def at_once(monkeypatch):
    """Has trials begin with the first batch."""
    monkeypatch.setattr("kerascnn.inference.predictor.TRIAL_AFTER_SECONDS", 0.0)


def rounded(scores, logits):
    """Stands for arithmetic that is coarser than float32: another class where two are near."""
    return lambda batch: np.round(scores(batch) * logits) / logits


@pytest.fixture
def halves(monkeypatch):
    """Gives every network a `compile_bfloat16`, whatever this processor supports."""
    import dataclasses

    from kerascnn.inference import predictor

    wanted = {"make": lambda scores: scores, "made": 0}
    plain = predictor.open_classifier

    def opened(*arguments, **options):
        network = plain(*arguments, **options)

        def half():
            wanted["made"] += 1
            return wanted["make"](network.scores)

        return dataclasses.replace(network, compile_bfloat16=half)

    monkeypatch.setattr(predictor, "open_classifier", opened)
    return wanted


def test_half_precision_is_taken_when_100_images_agree(halves, pixels, tmp_path, monkeypatch):
    halves["make"] = lambda scores: lambda batch: scores(batch)
    predictor = Predictor(write_onnx(tmp_path / "model.onnx"), runtime="onnxruntime", batch_size=20)
    slow = slowed(predictor)
    assert predictor.info.precision == "float32"
    assert "on trial" in predictor.info.reason
    monkeypatch.setattr("kerascnn.inference.predictor.TRIAL_AFTER_SECONDS", 0.04)
    for _ in range(2):
        assert halves["made"] == 0  # a few images are not worth a second network
        predictor(pixels[0])
    for _ in range(-(-ENOUGH_IMAGES // 40) + 1):
        predictor(pixels)
    assert predictor.info.precision == "bfloat16"
    assert predictor.info.agreement == 1.0
    assert predictor.info.compared >= ENOUGH_IMAGES
    assert "of the time" in predictor.info.reason
    assert predictor._compute is not slow


def test_a_trial_takes_the_fastest_that_agrees_for_99_of_100():
    """One image in each batch; float32 says class 0 with certainty and takes a second."""
    answer = np.array([[1.0, 0.0]])

    def says(wrong_at, seconds):
        calls = iter(range(1000))
        network = SimpleNamespace(scores=lambda batch: wrong(next(calls)))
        built = Candidate(f"wrong at {wrong_at}", "here", lambda: network)

        def wrong(call):
            return np.array([[0.0, 1.0]]) if call in wrong_at else answer

        def compare(batch, wanted, whole=built.compare):
            whole(batch, wanted)
            built.seconds = seconds

        built.compare = compare
        return built

    def unopened():
        raise DamagedFileError("no complete file")

    once, twice, slow = says({5}, 0.5), says({5, 60}, 0.1), says((), 2.0)
    trial = Trial([once, twice, slow, Candidate("int8", "nowhere", unopened)])
    for shown in range(1, 101):
        assert trial.running
        trial.add(np.zeros((1, 1, 1, 1)), answer, 1.0)
        assert twice.decided == min(shown, 61)  # out at its second fault
        assert slow.decided == min(shown, TIMED_BATCHES)  # images are not kept waiting for it
    assert not trial.running
    assert trial.winner is once
    assert "99 of 100" in trial.reason
    assert "59 of 61" in trial.reason
    assert "int8 in nowhere cannot be opened: no complete file" in trial.reason
    tied = Trial([says((), 0.1)], None)
    tied.add(np.zeros((1, 1, 1, 1)), np.array([[0.5004, 0.4996]]), 1.0)
    tied.end()
    assert tied.winner is None
    assert "too close" in tied.reason
    endless = Trial([says((), 0.1)])
    for _ in range(MOST_IMAGES):
        assert endless.running
        endless.add(np.zeros((1, 1, 1, 1)), np.array([[0.5004, 0.4996]]), 1.0)
    assert not endless.running
    assert endless.winner is None
    late = Trial([says((), 2.0)], None)
    late.add(np.zeros((1, 1, 1, 1)), answer, 1.0)
    late.end()
    assert late.winner is None
    assert "200% of the time" in late.reason


def test_samples_end_the_trial_at_once(halves, pixels, tmp_path):
    halves["make"] = lambda scores: lambda batch: scores(batch)
    path = write_onnx(tmp_path / "model.onnx")
    predictor = Predictor(path, runtime="onnxruntime", samples=pixels)
    assert predictor.info.compared >= 35
    assert predictor.info.agreement == 1.0
    assert "trial" not in predictor.info.reason


def test_half_precision_that_errs_is_refused_and_the_answers_stay_those_of_float32(
    halves, at_once, pixels, tmp_path
):
    halves["make"] = lambda scores: rounded(scores, 1)
    path = write_onnx(tmp_path / "model.onnx")
    predictor = Predictor(path, runtime="onnxruntime", samples=pixels)
    assert predictor.info.precision == "float32"
    assert predictor.info.agreement < 0.99
    for prediction, image in zip(predictor(pixels), pixels, strict=True):
        np.testing.assert_allclose(prediction.scores, np.sort(softmax(image))[::-1], rtol=2e-5)
    later = Predictor(path, runtime="onnxruntime")
    for _ in range(4):
        right = later(pixels)
    assert later.info.precision == "float32"
    assert "for only" in later.info.reason
    np.testing.assert_allclose(right[0].scores, np.sort(softmax(pixels[0]))[::-1], rtol=2e-5)


def test_an_untrained_network_proves_nothing(halves, pixels, tmp_path):
    path = write_onnx(tmp_path / "model.onnx", factors=np.zeros((4, 4), "float32"))
    predictor = Predictor(path, samples=pixels)
    assert predictor.info.precision == "float32"
    assert "too close" in predictor.info.reason


def test_int8_beside_float32_is_a_candidate_too(pixels, tmp_path):
    write_onnx(tmp_path / "model.onnx")
    coarse = np.diag([3.0, 4.0, 5.0, 0.1]).astype("float32")  # never says west
    write_onnx(tmp_path / "model-int8.onnx", factors=coarse, precision="int8")
    predictor = Predictor(tmp_path, runtime="onnxruntime", samples=pixels)
    assert predictor.info.precision == "float32"
    same = [softmax(pixel).argmax() == softmax(pixel, coarse).argmax() for pixel in pixels]
    assert predictor.info.agreement == pytest.approx(np.mean(same), abs=1e-6)
    asked = Predictor(tmp_path, runtime="onnxruntime", precision="int8")
    assert asked.info.precision == "int8"
    assert asked.info.file.endswith("model-int8.onnx")
    np.testing.assert_allclose(
        asked(pixels[0])[0].scores, np.sort(softmax(pixels[0], coarse))[::-1], rtol=2e-5
    )


def test_a_trial_that_is_over_frees_the_networks(halves, at_once, pixels, tmp_path):
    alive = weakref.WeakSet()

    class Slow:
        def __init__(self, scores):
            self.scores = scores
            alive.add(self)

        def __call__(self, batch):
            time.sleep(0.02)
            return self.scores(batch)

    halves["make"] = Slow
    predictor = Predictor(write_onnx(tmp_path / "model.onnx"), runtime="onnxruntime")
    predictor(pixels[:16])
    assert len(alive) == 1
    for _ in range(4):
        predictor(pixels)
    assert predictor.info.precision == "float32"
    assert predictor.info.agreement == 1.0
    gc.collect()
    assert not alive


@pytest.mark.skipif(not importlib.util.find_spec("openvino"), reason="OpenVINO is an extra")
@pytest.mark.parametrize("precision", ["auto", "float32"])
def test_the_faster_runtime_is_taken_when_100_images_agree(precision, at_once, pixels, tmp_path):
    predictor = Predictor(write_onnx(tmp_path / "model.onnx"), precision=precision)
    assert predictor.info.runtime == "openvino"
    slow = slowed(predictor)
    for _ in range(-(-ENOUGH_IMAGES // 40) + 2):
        got = predictor(pixels)
    assert predictor._compute is not slow
    assert predictor.info.agreement >= 0.99
    assert predictor.info.compared >= ENOUGH_IMAGES
    if precision == "float32":
        assert predictor.info.agreement == 1.0
        assert predictor.info.runtime == "onnxruntime"
        assert predictor.info.reason.startswith("float32 in onnxruntime puts the same class first")
    for prediction, image in zip(got, pixels, strict=True):
        # bfloat16 rounds logits of up to 6 by 0.02.
        rtol = 2e-5 if predictor.info.precision == "float32" else 0.05
        np.testing.assert_allclose(prediction.scores, np.sort(softmax(image))[::-1], rtol=rtol)
    asked = Predictor(tmp_path / "model.onnx", runtime="openvino", precision=precision)
    assert "onnxruntime" not in asked.info.reason
