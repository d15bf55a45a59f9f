"""SavedModel and ONNX of one model, measured through TensorFlow and onnxruntime alone."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerascnn.exporting.exporter import export
from support.exports import little_inputs, little_network
from support.onnx_graphs import session_of

layers = keras.layers


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_models_export_in_float32(tmp_path, policy):
    model = little_network(dtype=policy)
    float32 = little_network()
    float32.set_weights(model.get_weights())
    reports = export(model, tmp_path / "out")
    wanted = float32.predict(little_inputs(4), verbose=0)
    session = session_of(tmp_path / "out" / "model.onnx")
    (got,) = session.run(None, {"image": little_inputs(4)})
    assert session.get_outputs()[0].type == "tensor(float)"
    assert np.abs(got - wanted).max() < 1e-6
    loaded = tf.saved_model.load(str(tmp_path / "out" / "savedmodel"))
    outputs = loaded.signatures["serving_default"](image=tf.constant(little_inputs(4)))[
        "predictions"
    ]
    assert np.abs(outputs - wanted).max() < 1e-6
    assert np.abs(got - model.predict(little_inputs(4), verbose=0)).max() < 2e-2
    assert [report.policy for report in reports] == [policy, policy]


def test_any_image_size_where_the_model_takes_any(tmp_path):
    model = little_network(size=None)
    export(model, tmp_path / "out")
    session = session_of(tmp_path / "out" / "model.onnx")
    assert session.get_inputs()[0].shape == ["batch", "height", "width", 3]
    loaded = tf.saved_model.load(str(tmp_path / "out" / "savedmodel"))
    for count, size in ((1, 40), (3, 65)):
        images = little_inputs(count, size)
        wanted = model.predict(images, verbose=0)
        (got,) = session.run(None, {"image": images})
        assert np.abs(got - wanted).max() < 1e-6
        outputs = loaded.signatures["serving_default"](image=tf.constant(images))
        assert np.abs(outputs["predictions"] - wanted).max() < 1e-6


def test_sequential_and_augmentation_layers(tmp_path):
    model = keras.Sequential(
        [
            keras.Input((12, 12, 3), name="image"),
            layers.RandomFlip("horizontal"),
            layers.RandomRotation(0.2),
            layers.GaussianNoise(0.5),
            layers.Rescaling([2.0, 1.0, 0.5], [0.1, 0.2, 0.3]),
            layers.Conv2D(3, 3),
            layers.Flatten(),
            layers.Dense(4, activation="softmax"),
        ]
    )
    export(model, tmp_path / "out")
    images = little_inputs(3, 12)
    wanted = model.predict(images, verbose=0)
    (got,) = session_of(tmp_path / "out" / "model.onnx").run(None, {"image": images})
    assert np.abs(got - wanted).max() < 1e-6
    loaded = tf.saved_model.load(str(tmp_path / "out" / "savedmodel"))
    outputs = loaded.signatures["serving_default"](image=tf.constant(images))["predictions"]
    assert np.abs(outputs - wanted).max() < 1e-6


@pytest.mark.parametrize("name", ["lenet5", "lenet5_1998"])
def test_both_lenets(tmp_path, name):
    from kerascnn import create_model

    model = create_model(name)
    reports = export(model, tmp_path / "out")
    # Grey images as wide as the paper's inputs, from -0.1 (white) to 1.175 (black).
    images = np.random.default_rng(2).uniform(-0.1, 1.175, (5, 32, 32, 1)).astype("float32")
    wanted = model.predict(images, verbose=0)
    (got,) = session_of(tmp_path / "out" / "model.onnx").run(None, {"image": images})
    assert np.abs(got - wanted).max() <= 1e-5 * max(1, np.abs(wanted).max())
    loaded = tf.saved_model.load(str(tmp_path / "out" / "savedmodel"))
    outputs = loaded.signatures["serving_default"](image=tf.constant(images))["predictions"]
    assert np.abs(outputs - wanted).max() <= 1e-5 * max(1, np.abs(wanted).max())
    assert all(report.top1_agreement == 1 for report in reports)
