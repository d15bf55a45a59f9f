"""The same weights give the same scores on TensorFlow, JAX and PyTorch."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from kerascnn.models.planning import minimum_size
from kerascnn.models.registry import model_info
from kerascnn.models.request import Request
from support.paths import ROOT, SCRIPTS

# A row of every family, narrow; AlexNet and SE have grouped convolutions, NASNet odd poolings.
ROWS = [
    "alexnet", "alphago_policy", "convnet", "densenet_bc100_12", "efficientnet_b0", "fcn16s",
    "googlenet", "inception_v3", "lenet5", "lenet5_1998", "mobilenet_v1", "mobilenet_v3_small",
    "nasnet_mobile", "resnet20_cifar", "resnet50_v2", "resnext29_8x64d", "se_resnet18",
    "shufflenet_v1_g3", "shufflenet_v2_x0_5", "vgg11_bn", "wrn16_8", "zfnet",
]  # fmt: skip
FIXED = ("lenet5_1998",)
# Long stages say no more than short ones, and JAX takes seconds a dozen layers to compile.
SHALLOW = {
    "densenet_bc100_12": 0.2, "efficientnet_b0": 0.5, "fcn16s": 0.5, "googlenet": 0.5,
    "inception_v3": 0.34, "mobilenet_v1": 0.5, "mobilenet_v3_small": 0.5, "nasnet_mobile": 0.25,
    "resnet20_cifar": 0.34, "resnet50_v2": 0.34, "resnext29_8x64d": 0.34, "se_resnet18": 0.5,
    "shufflenet_v1_g3": 0.34, "shufflenet_v2_x0_5": 0.34, "wrn16_8": 0.5,
}  # fmt: skip
# Rows with layers of our own, where backends could differ; the others are marked long.
OWN = [
    "alexnet", "alphago_policy", "convnet", "fcn16s", "lenet5_1998", "mobilenet_v3_small",
    "shufflenet_v2_x0_5",
]  # fmt: skip
BACKENDS = [name for name in ("jax", "torch") if importlib.util.find_spec(name)]


def compare(rows, folder):
    """Asserts that every backend gives TensorFlow's scores; weights and images are NumPy's."""
    found = outputs(rows, folder)
    for row in rows:
        wanted = found[row]["tensorflow"]
        assert np.abs(wanted).max() > 1e-3  # something to compare
        for backend in BACKENDS:
            difference = np.abs(found[row][backend] - wanted).max() / np.abs(wanted).max()
            assert difference <= 1e-4, (row, backend, difference)


def outputs(rows, folder):
    """Scores by row and backend."""
    generator = np.random.default_rng(7)
    found = {}
    for row in rows:
        variant = model_info(row)
        width = 1.0 if row in FIXED else 0.25
        depth = SHALLOW.get(row, 1.0)
        least = minimum_size(variant, Request(width=width, depth=depth))
        side = max(least, min(variant.input_shape[0], 40))
        shape = (side, side, variant.input_shape[2])
        arguments = {
            "input_shape": shape,
            "width": width,
            "depth": depth,
            "classifier_activation": None,
        }
        model = variant(**arguments)
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
        found[row] = {"tensorflow": np.asarray(model(images, training=False))}
        keras.utils.clear_session()
    script = SCRIPTS / "backend_outputs.py"
    for backend in BACKENDS:
        environment = {**os.environ, "KERAS_BACKEND": backend}
        environment["PYTHONPATH"] = str(ROOT)
        done = subprocess.run(
            [sys.executable, str(script), str(folder), *rows],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        for row in rows:
            found[row][backend] = np.load(folder / f"{row}.{backend}.npy")
    return found


@pytest.mark.skipif(not BACKENDS, reason="neither jax nor torch is installed")
def test_equal_scores_where_layers_are_our_own(tmp_path):
    compare(OWN, tmp_path)


@pytest.mark.long
@pytest.mark.skipif(not BACKENDS, reason="neither jax nor torch is installed")
def test_equal_scores_of_every_family(tmp_path):
    compare([row for row in ROWS if row not in OWN], tmp_path)
