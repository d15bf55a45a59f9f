"""SavedModels, measured through TensorFlow without our own code."""

from __future__ import annotations

import os

import numpy as np
import pytest
import tensorflow as tf

from support.exports import little_inputs


@pytest.mark.parametrize("count", [1, 2, 5])
def test_savedmodel_answers_as_keras(exported, count):
    model, out = exported
    loaded = tf.saved_model.load(str(out / "savedmodel"))
    got = loaded.signatures["serving_default"](image=tf.constant(little_inputs(count)))
    assert list(got) == ["predictions"]
    # Dropout is off: with it the outputs would be far away and differ between calls.
    assert np.abs(got["predictions"] - model.predict(little_inputs(count), verbose=0)).max() < 1e-6


def test_savedmodel_stores_every_weight_once(exported):
    model, out = exported
    # 32 x 27 + 4 x 32, 32 x 8 x 9 + 32, 64 x 32 x 9 + 64, 64 x 7 + 7: counted by hand.
    parameters = 864 + 128 + 2304 + 32 + 18432 + 64 + 448 + 7
    assert sum(np.prod(w.shape) for w in model.weights if "seed" not in w.path) == parameters
    prefix = str(out / "savedmodel" / "variables" / "variables")
    stored = tf.train.list_variables(prefix)
    sizes = [int(np.prod(shape)) for name, shape in stored if "OBJECT_GRAPH" not in name]
    assert sorted(sizes) == sorted([864, 32, 32, 32, 32, 2304, 32, 18432, 64, 448, 7])
    assert os.path.getsize(f"{prefix}.data-00000-of-00001") < 1.3 * 4 * parameters
