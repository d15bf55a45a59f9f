"""Activations as operators of ONNX, beside Keras."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from kerascnn.exporting.common.network import prepare
from kerascnn.exporting.onnx.writer import write_graph
from support.exports import random_images_for
from support.onnx_graphs import answers_of

layers = keras.layers


@pytest.mark.parametrize(
    "kind",
    [
        "elu", "softplus", "hard_sigmoid", "hard_silu", "silu", "relu6", "tanh", "gelu", "sigmoid",
    ],
)  # fmt: skip
def test_activations(kind):
    image = keras.Input((5, 5, 3), name="image")
    model = keras.Model(image, layers.Activation(kind)(layers.Rescaling(8.0, -4.0)(image)))
    images = random_images_for(model)
    got = answers_of(write_graph(prepare(model), 20 if kind == "gelu" else 17), images)
    assert np.abs(got - np.asarray(model(images))).max() < 1e-5
