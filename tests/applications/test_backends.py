"""The same weights give the same scores on TensorFlow, JAX and PyTorch."""

from __future__ import annotations

import importlib.util
import json

import keras
import numpy as np
import pytest

from kerascnn.create import create_model
from support.paths import SCRIPTS
from support.processes import run_python
from support.small_models import ROWS, small_arguments

# Rows with layers of our own, where backends could differ; the others are marked long.
OWN = [
    "alexnet", "alphago_policy", "convnet", "fcn16s", "lenet5_1998", "mobilenet_v3_small",
    "shufflenet_v2_x0_5",
]  # fmt: skip
BACKENDS = [name for name in ("jax", "torch") if importlib.util.find_spec(name)]


def compare(rows, folder):
    """Asserts that every backend gives TensorFlow's scores; weights and images are NumPy's."""
    scores = outputs(rows, folder)
    for row in rows:
        wanted = scores[row]["tensorflow"]
        assert np.abs(wanted).max() > 1e-3  # something to compare
        for backend in BACKENDS:
            difference = np.abs(scores[row][backend] - wanted).max() / np.abs(wanted).max()
            assert difference <= 1e-4, (row, backend, difference)


def outputs(rows, folder):
    """Scores by row and backend."""
    generator = np.random.default_rng(7)
    scores = {}
    for row in rows:
        arguments = {**small_arguments(row), "classifier_activation": None}
        shape = arguments["input_shape"]
        model = create_model(row, **arguments)
        weights = {}
        for layer in model.layers:
            for variable in layer.weights:
                if "seed_generator" in variable.path:
                    continue
                value = np.asarray(variable)
                if variable.name == "moving_variance":
                    value = generator.uniform(0.5, 1.5, value.shape)
                elif value.ndim == 1:
                    value = value + generator.normal(0, 0.1, value.shape)
                weights[f"{layer.name}/{variable.name}"] = value.astype("float32")
                variable.assign(weights[f"{layer.name}/{variable.name}"])
        images = generator.normal(size=(2, *shape)).astype("float32")
        np.savez(folder / f"{row}.weights.npz", **weights)
        np.save(folder / f"{row}.images.npy", images)
        (folder / f"{row}.json").write_text(json.dumps(arguments))
        scores[row] = {"tensorflow": np.asarray(model(images, training=False))}
        keras.utils.clear_session()
    script = SCRIPTS / "backend_outputs.py"
    for backend in BACKENDS:
        done = run_python(script, folder, *rows, KERAS_BACKEND=backend)
        assert done.returncode == 0, done.stderr[-3000:]
        for row in rows:
            scores[row][backend] = np.load(folder / f"{row}.{backend}.npy")
    return scores


@pytest.mark.skipif(not BACKENDS, reason="neither jax nor torch is installed")
def test_equal_scores_where_layers_are_our_own(tmp_path):
    compare(OWN, tmp_path)


@pytest.mark.long
@pytest.mark.skipif(not BACKENDS, reason="neither jax nor torch is installed")
def test_equal_scores_of_every_family(tmp_path):
    compare([row for row in ROWS if row not in OWN], tmp_path)
