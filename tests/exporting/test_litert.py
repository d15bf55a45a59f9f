"""LiteRT files in TensorFlow's own interpreter."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import tensorflow as tf

from support.digit_exports import GREY, NAMES


def test_litert_in_its_interpreter(digits, everything):
    model, data = digits
    images = GREY(np.asarray(data.test.images[:5]))
    interpreter = tf.lite.Interpreter(str(everything[0] / "model.tflite"))
    runner = interpreter.get_signature_runner("serving_default")
    got = runner(image=images)["predictions"]
    assert np.abs(got - model.predict(images, verbose=0)).max() < 1e-5
    with zipfile.ZipFile(everything[0] / "model.tflite") as archive:
        stored = json.loads(archive.read("kerascnn.json"))
    assert stored["class_names"] == NAMES
    whole = tf.lite.Interpreter(str(everything[0] / "model-int8.tflite"))
    assert whole.get_input_details()[0]["dtype"] == np.int8
