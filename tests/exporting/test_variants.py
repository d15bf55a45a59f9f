"""Rows of the registry in other forms: half precision, grey, other sizes, several outputs, maps."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerascnn
from kerascnn.exporting.exporter import export
from support.onnx_graphs import session_of

MODELS = {
    "mixed_float16": ("mobilenet_v2", {"width": 0.25, "depth": 0.3}, (64, 64, 3), "mixed_float16"),
    "mixed_bfloat16": ("resnet18", {"width": 0.25}, (64, 64, 3), "mixed_bfloat16"),
    "one channel": ("resnet18", {"width": 0.25}, (64, 64, 1), "float32"),
    "six channels": ("mobilenet_v1", {"width": 0.25}, (64, 64, 6), "float32"),
    "not square": ("vgg11_bn", {"width": 0.0625}, (64, 96, 3), "float32"),
    "odd": ("efficientnet_b0", {"width": 0.25, "depth": 0.3}, (75, 53, 3), "float32"),
    "auxiliary heads": ("googlenet", {"width": 0.25, "auxiliary": True}, (80, 80, 3), "float32"),
    "maps": ("fcn32s", {"width": 0.0625}, (64, 64, 3), "float32"),
    "a board": ("alphago_policy", {"width": 0.25}, None, "float32"),
    "1998": ("lenet5_1998", {}, None, "float32"),
}


@pytest.mark.parametrize("form", MODELS)
def test_rows_in_other_forms_export(tmp_path, form):
    """In both runtimes the answers are those of a float32 model with the same weights."""
    name, arguments, shape, policy = MODELS[form]
    if shape is not None:
        arguments = {**arguments, "input_shape": shape}
    keras.utils.set_random_seed(3)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        model = kerascnn.create_model(name, **arguments)
    finally:
        keras.config.set_dtype_policy(before)
    exact = model
    if policy != "float32":
        exact = kerascnn.create_model(name, **arguments)
        exact.set_weights(model.get_weights())

    reports = export(model, tmp_path / "out")
    assert {report.policy for report in reports} == {None if policy == "float32" else policy}
    images = np.random.default_rng(4).random((3, *model.inputs[0].shape[1:]), "float32")
    wanted = exact(images, training=False)
    wanted = np.asarray(wanted["predictions"] if isinstance(wanted, dict) else wanted)
    session = session_of(tmp_path / "out" / "model.onnx")
    (got,) = session.run(["predictions"], {"image": images})
    assert got.shape == wanted.shape
    assert np.abs(got - wanted).max() <= 2e-5 * max(1, np.abs(wanted).max())
    signature = tf.saved_model.load(str(tmp_path / "out" / "savedmodel")).signatures
    answer = signature["serving_default"](image=tf.constant(images))["predictions"]
    assert np.abs(answer - wanted).max() <= 2e-5 * max(1, np.abs(wanted).max())
