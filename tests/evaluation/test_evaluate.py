"""Evaluation against counting by hand and NumPy."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest

import kerascnn
from kerascnn.data.sources.dataset import Data, Split
from kerascnn.errors import DataError, MismatchError
from kerascnn.imaging.preprocessing import Preprocessing
from support.direct_classifier import direct_model

PLAIN = Preprocessing(size=(2, 4), fit="none", channels="grey", scale=1.0)


def toy(pixels, labels, classes=8, train=4):
    images = np.asarray(pixels, "float32").reshape(-1, 2, 4, 1)
    labels = np.asarray(labels, "int64")
    names = tuple("abcdefgh"[:classes])
    split = Split(images, labels)
    return Data(
        "toy", Split(images[:train], labels[:train]), split, names, (2, 4, 1), "0" * 64, "by hand"
    )


@pytest.fixture
def scores():
    return np.random.default_rng(7).normal(size=(37, 8)) * 3


@pytest.fixture
def labels():
    return np.random.default_rng(8).integers(0, 8, 37)


@pytest.mark.parametrize("activation", [None, "softmax"])
@pytest.mark.parametrize("batch_size", [1, 10, 64])
def test_the_figures_are_numpy_s(scores, labels, activation, batch_size):
    got = kerascnn.evaluate(
        direct_model((2, 4), 8, activation),
        toy(scores, labels),
        batch_size=batch_size,
        preprocessing=PLAIN,
    )
    powers = np.exp(scores)
    probability = (powers / powers.sum(axis=1, keepdims=True))[np.arange(37), labels]
    order = np.argsort(-scores, axis=1)
    assert got["loss"] == pytest.approx(-np.log(probability).mean(), rel=1e-5)
    assert got["accuracy"] == np.mean(order[:, 0] == labels)
    assert got["top5"] == np.mean(
        [label in row[:5] for label, row in zip(labels, order, strict=True)]
    )
    assert got["count"] == 37
    assert got["images_per_second"] > 0


def test_keras_measures_the_same(scores, labels):
    model = direct_model((2, 4), 8, "softmax")
    model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    loss, accuracy = model.evaluate(scores.reshape(-1, 2, 4, 1), labels, verbose=0)
    got = kerascnn.evaluate(model, toy(scores, labels), preprocessing=PLAIN)
    assert got["loss"] == pytest.approx(loss, rel=1e-5)
    assert got["accuracy"] == pytest.approx(accuracy, rel=1e-6)


def test_top5_is_left_out_for_up_to_five_classes(scores, labels):
    got = kerascnn.evaluate(
        direct_model((2, 4), 5, None), toy(scores, labels % 5, classes=5), preprocessing=PLAIN
    )
    assert "top5" not in got


def test_the_loss_of_a_sure_network_is_keras_s(scores, labels):
    """Probabilities alone, rounded to float32, would end at 103."""
    model = direct_model((2, 4), 8, "softmax")
    model.compile(loss="sparse_categorical_crossentropy")
    images = (scores * 100).reshape(-1, 2, 4, 1)
    loss = model.evaluate(images, labels, verbose=0)
    got = kerascnn.evaluate(model, toy(scores * 100, labels), preprocessing=PLAIN)["loss"]
    exact = 100 * (scores.max(axis=1) - scores[np.arange(37), labels]).mean()
    assert got == pytest.approx(loss, rel=1e-6) == pytest.approx(exact, rel=1e-3)
    assert got > 200
    assert model.layers[-1].activation is keras.activations.softmax  # put back


def test_what_does_not_fit_is_refused(scores, labels):
    with pytest.raises(MismatchError, match="has 5 outputs, but toy has 8 classes"):
        kerascnn.evaluate(direct_model((2, 4), 5, None), toy(scores, labels), preprocessing=PLAIN)
    empty = toy(scores[:0], labels[:0])
    with pytest.raises(DataError, match="no held-out images"):
        kerascnn.evaluate(direct_model((2, 4), 8, None), empty, preprocessing=PLAIN)
    unknown = toy(scores, labels)
    unknown = Data(
        "toy", unknown.train, Split(unknown.test.images, None), unknown.class_names, (2, 4, 1),
        "0" * 64, "by hand",
    )  # fmt: skip
    with pytest.raises(DataError, match="have no labels"):
        kerascnn.evaluate(direct_model((2, 4), 8, None), unknown, preprocessing=PLAIN)


@pytest.fixture
def run(tmp_path):
    config = {
        "model": {"name": "direct", "arguments": None},
        "data": {"class_names": list("abcdefgh")},
        "preprocessing": PLAIN.to_json(),
        "seed": 5,
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    direct_model((2, 4), 8, "softmax").save(tmp_path / "best.keras")
    return kerascnn.load_run(tmp_path)


def test_a_run_brings_model_and_preprocessing(run, scores, labels):
    data = toy(scores, labels)
    expected = np.mean(np.argmax(scores, axis=1) == labels)
    assert kerascnn.evaluate(run, data)["accuracy"] == expected
    assert kerascnn.evaluate(str(run.path), data)["accuracy"] == expected


def test_the_figures_of_a_run_are_kept(run, scores, labels):
    metrics = kerascnn.evaluate(run, toy(scores, labels))
    kept = json.loads((run.path / "metrics.json").read_text())
    assert kept == {"model": "best.keras", "data": "toy", "metrics": metrics}


def test_a_run_s_classes_must_be_the_data_s(run, scores, labels):
    data = toy(scores, labels)
    other = Data("toy", data.train, data.test, tuple("hgfedcba"), (2, 4, 1), "0" * 64, "by hand")
    with pytest.raises(MismatchError, match="was trained on the classes a, b, c, d, e, … \\(8\\)"):
        kerascnn.evaluate(run, other)


def test_the_split_is_drawn_with_the_run_s_seed(run, scores, labels):
    """Otherwise images of the training would be among the held-out ones."""
    scores = np.clip(scores * 10 + 128, 3, 255)
    source = {"x": scores.reshape(-1, 2, 4), "y": labels, "class_names": list("abcdefgh")}
    data = kerascnn.load_data(source, seed=5)
    assert kerascnn.evaluate(run, source)["accuracy"] == kerascnn.evaluate(run, data)["accuracy"]
    pixels = data.test.images.reshape(-1, 8)
    expected = np.mean(np.argmax(pixels, axis=1) == data.test.labels)
    assert kerascnn.evaluate(run, source)["accuracy"] == expected
