"""classes=1: the last activation is a sigmoid, and no step takes the softmax of one score."""

from __future__ import annotations

import warnings

import keras
import numpy as np
import pytest

import kerascnn
from kerascnn.errors import DataError, KerasCNNError, MismatchError, UsageError
from kerascnn.models.auxiliary import main_model
from kerascnn.models.scores import log_probabilities
from kerascnn.runtimes.available import installed
from kerascnn.tuning import SearchSpace
from support.small_models import ROWS, small_arguments

NOTICE = "with classes=1 gets a sigmoid"


needs_litert = pytest.mark.skipif(not installed("litert"), reason="LiteRT is an extra")
FORMATS = ["onnx", "savedmodel", pytest.param("litert", marks=needs_litert)]


def images(count: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 32, 32), dtype=np.uint8)


@pytest.mark.parametrize("row", [row for row in ROWS if row != "alphago_policy"])
def test_every_family_gets_a_sigmoid_with_a_notice(row):
    arguments = small_arguments(row)
    logits = kerascnn.create_model(row, **arguments, classes=1, classifier_activation=None)
    with pytest.warns(UserWarning, match=NOTICE):
        model = kerascnn.create_model(row, **arguments, classes=1)
    model.set_weights(logits.get_weights())
    x = np.random.default_rng(0).normal(size=(2, *arguments["input_shape"])).astype("float32")
    z = np.asarray(logits(x), "float64")
    np.testing.assert_allclose(np.asarray(model(x)), 1 / (1 + np.exp(-z)), rtol=1e-5, atol=1e-6)


def test_an_activation_that_is_said_gives_no_notice():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for activation in ("sigmoid", None):
            kerascnn.create_model("lenet5", classes=1, classifier_activation=activation)
        kerascnn.create_model("lenet5", classes=1, include_top=False)
        kerascnn.create_model("lenet5", classes=2)


def test_a_model_that_is_built_again_has_the_same_activation(tmp_path):
    with pytest.warns(UserWarning, match=NOTICE):
        model = kerascnn.create_model("lenet5", classes=1)
    origin = kerascnn.provenance(model)
    assert origin.arguments == {"classes": 1, "classifier_activation": "sigmoid"}
    kerascnn.save_weights(model, tmp_path / "x.npz")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = kerascnn.load_model(tmp_path / "x.npz")
    assert again.layers[-1].activation is keras.activations.sigmoid


def test_auxiliary_classifiers_get_it_too():
    with pytest.warns(UserWarning, match=NOTICE):
        model = kerascnn.create_model(
            "googlenet", classes=1, auxiliary=True, width=0.125, input_shape=(64, 64, 3),
            stem="small",
        )  # fmt: skip
    for name in ("predictions", "aux1", "aux2"):
        assert model.get_layer(name).activation is keras.activations.sigmoid
    assert main_model(model).output_shape == (None, 1)


def test_the_probability_of_one_logit_is_its_sigmoid():
    logits = np.array([[-800.0], [0.0], [3.0], [800.0]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = log_probabilities(logits, logits=True)
    np.testing.assert_allclose(result[:, 0], [-800, np.log(0.5), -np.log1p(np.exp(-3)), 0])


@pytest.mark.parametrize("activation", ["sigmoid", None])
@pytest.mark.parametrize("file_format", FORMATS)
def test_every_artifact_predicts_the_sigmoid(tmp_path, activation, file_format):
    model = kerascnn.create_model("lenet5", classes=1, classifier_activation=activation)
    logits = kerascnn.create_model("lenet5", classes=1, classifier_activation=None)
    logits.set_weights(model.get_weights())
    z = np.asarray(logits(images()[..., np.newaxis].astype("float32") / 255), "float64")[:, 0]
    expected = 1 / (1 + np.exp(-z))
    (report,) = kerascnn.export(model, tmp_path / "out", formats=[file_format])
    for source in (model, report.path):
        scores = [p.scores[0] for p in kerascnn.predict(source, images(), trust=True)]
        np.testing.assert_allclose(scores, expected, atol=1e-5)
    scores = [p.scores[0] for p in kerascnn.Predictor(model)(images())]
    np.testing.assert_allclose(scores, expected, atol=1e-5)


@pytest.mark.parametrize("file_format", FORMATS)
def test_sigmoids_of_several_classes_stay_sigmoids_in_every_artifact(tmp_path, file_format):
    model = kerascnn.create_model("lenet5", classes=3, classifier_activation="sigmoid")
    expected = np.asarray(model(images()[..., np.newaxis].astype("float32") / 255))
    expected = -np.sort(-expected, axis=1)
    (report,) = kerascnn.export(model, tmp_path / "out", formats=[file_format])
    for source in (model, report.path):
        scores = [p.scores for p in kerascnn.predict(source, images(), trust=True)]
        np.testing.assert_allclose(scores, expected, atol=1e-5)
    scores = [p.scores for p in kerascnn.Predictor(model)(images())]
    np.testing.assert_allclose(scores, expected, atol=1e-5)


def softmax_of_one(last):
    image = keras.Input((32, 32, 1), name="image")
    return keras.Model(image, last(keras.layers.Flatten()(image)), name="mine")


@pytest.mark.parametrize(
    "model",
    [
        softmax_of_one(keras.layers.Dense(1, activation="softmax")),
        softmax_of_one(lambda x: keras.layers.Softmax()(keras.layers.Dense(1)(x))),
    ],
    ids=["activation", "layer"],
)
def test_a_softmax_of_one_score_is_refused(model, tmp_path):
    message = "mine ends in a softmax over one class, which is 1 for every image"
    with pytest.raises(MismatchError, match=message):
        kerascnn.predict(model, images())
    with pytest.raises(MismatchError, match=message):
        kerascnn.evaluate(model, (images(), np.arange(3) % 2))
    with pytest.raises(MismatchError, match=message):
        kerascnn.train(model, (images(9), np.arange(9) % 2), run_dir=tmp_path / "r", verbose=False)
    with pytest.raises(MismatchError, match=message):
        kerascnn.export(model, tmp_path / "o", formats=["onnx"])


def test_one_output_is_neither_trained_nor_evaluated_nor_searched(tmp_path):
    model = kerascnn.create_model("lenet5", classes=1, classifier_activation="sigmoid")
    two = (images(9), np.arange(9) % 2)
    for refuse in (
        lambda: kerascnn.train(model, two, run_dir=tmp_path / "r", verbose=False),
        lambda: kerascnn.evaluate(model, two),
    ):
        with pytest.raises(MismatchError, match=r"has 1 outputs.*build the model with classes=2"):
            refuse()
    single = (images(9), np.zeros(9, int))
    with pytest.raises(DataError, match="at least two classes are needed"):
        kerascnn.train("lenet5", single, run_dir=tmp_path / "r", verbose=False)
    with pytest.raises(KerasCNNError, match="at least two classes"):
        kerascnn.evaluate(model, single)
    with pytest.raises(UsageError, match="classes=1 leaves nothing to learn"):
        SearchSpace("lenet5", classes=1)
