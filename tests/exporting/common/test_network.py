"""The network that is exported: its float32 copy, and how Keras is asked for its answers."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from kerascnn.errors import MismatchError, UsageError
from kerascnn.exporting.common.network import keras_outputs
from kerascnn.exporting.exporter import export
from support.exports import tiny
from support.onnx_graphs import session_of


def test_half_precision_is_written_from_a_float32_copy(tmp_path):
    model = tiny(dtype="mixed_float16")
    model.get_layer("c1").bias.assign([0.3, -0.2])
    float32 = tiny()
    float32.set_weights(model.get_weights())
    images = np.random.default_rng(3).random((20, 8, 8, 1), "float32")
    measured = np.abs(model.predict(images, verbose=0) - float32.predict(images, verbose=0)).max()

    (report,) = export(model, tmp_path / "out", formats=["savedmodel"], samples=images)
    assert report.policy == "mixed_float16"
    assert report.policy_difference is not None
    # The report's figure is the largest over these and random images; Keras rounds otherwise in
    # `predict`, so the two agree in size only.
    assert 1e-6 < measured < 1.5 * report.policy_difference
    assert report.policy_difference < 2e-2
    assert model.get_layer("c1").compute_dtype == "float16", "the user's model was changed"


def test_a_copy_that_computes_something_else_is_refused(tmp_path, monkeypatch):
    from kerascnn.exporting.common import network

    copy = network._float32_copy

    def wrong(model):
        built = copy(model)
        built.get_layer("predictions").kernel.assign_add(np.eye(72, 5, dtype="float32"))
        return built

    monkeypatch.setattr(network, "_float32_copy", wrong)
    with pytest.raises(MismatchError, match="float32 copy of this mixed_bfloat16 model differs"):
        export(tiny(dtype="mixed_bfloat16"), tmp_path / "out")


@pytest.mark.parametrize(
    ("side", "sizes"), [(600, [1, 1, 1, 1, 1, 1, 1, 1]), (224, [5, 3]), (32, [8])]
)
def test_keras_is_asked_for_few_large_images_at_once(side, sizes):
    asked = []

    def model(images, training):
        asked.append(len(images))
        return images.mean((1, 2))

    images = np.random.default_rng(0).random((8, side, side, 3), "float32")
    answers = keras_outputs(model, images)
    assert asked == sizes
    np.testing.assert_array_equal(answers, images.mean((1, 2)))


layers = keras.layers


def auxiliary(as_dict: bool) -> keras.Model:
    image = keras.Input((8, 8, 1), name="image")
    x = layers.Conv2D(2, 3, name="c1")(image)
    x = layers.Flatten()(x)
    heads = {
        "aux1": layers.Dense(3, name="aux1")(x),
        "predictions": layers.Dense(4, name="predictions")(x),
    }
    return keras.Model(image, heads if as_dict else list(heads.values()))


@pytest.mark.parametrize("as_dict", [True, False])
def test_of_several_outputs_only_predictions(tmp_path, as_dict):
    model = auxiliary(as_dict)
    (report,) = export(model, tmp_path / "out", ["onnx"])
    images = np.random.default_rng(0).random((2, 8, 8, 1), "float32")
    (got,) = session_of(report.path).run(None, {"image": images})
    answers = model.predict(images, verbose=0)
    assert np.abs(got - (answers["predictions"] if as_dict else answers[1])).max() < 1e-6
    assert report.parameter_bytes == 4 * (18 + 2 + 72 * 4 + 4), "the other head is stored"


def test_several_outputs_without_predictions_are_refused(tmp_path):
    image = keras.Input((8, 8, 1))
    model = keras.Model(image, [layers.Flatten(name="a")(image), layers.ReLU(name="b")(image)])
    with pytest.raises(UsageError, match="has the outputs a, b"):
        export(model, tmp_path / "out")
