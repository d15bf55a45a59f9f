"""Precision policies: kept for a built model, set for a name, and put back in any case."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest

from kerascnn.training import train as training
from kerascnn.training.strategy import policy_scope
from support.processes import QUIET, run_python
from support.trainings import quiet, small


def test_a_built_model_keeps_its_precision_and_the_policy_returns(data, tmp_path):
    with policy_scope("mixed_float16"):
        model = small()
    run = quiet(model, data, tmp_path / "r", epochs=1)
    assert run.config["precision"] == "mixed_float16"
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert keras.config.dtype_policy().name == "float32"


def test_precision_for_a_name_has_a_float32_head(data, tmp_path):
    run = quiet("lenet5", data, tmp_path / "r", epochs=1, precision="mixed_bfloat16")
    model = run.load()
    assert run.config["precision"] == "mixed_bfloat16"
    assert model.get_layer("c1").compute_dtype == "bfloat16"
    assert model.get_layer("predictions").compute_dtype == "float32"
    assert keras.config.dtype_policy().name == "float32"


def test_the_policy_returns_after_an_error(data, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "run_config", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        quiet("lenet5", data, tmp_path / "r", precision="mixed_bfloat16")
    assert keras.config.dtype_policy().name == "float32"


TWO_DEVICES = """
import json, sys
import keras, numpy as np, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
import kerascnn

draw = np.random.default_rng(0)
labels = draw.integers(0, 3, 75)
images = draw.integers(0, 150, (75, 32, 32, 1))
images[labels == 1, :16] += 100
images[labels == 2, :, :16] += 100
data = ((images[:50], labels[:50]), (images[50:], labels[50:]))
runs = {}
for strategy in ("none", "mirrored"):
    run = kerascnn.train(
        "lenet5", data, run_dir=f"{sys.argv[1]}/{strategy}", strategy=strategy, epochs=2,
        batch_size=16, verbose=False,
    )
    runs[strategy] = {
        "history": run.history,
        "strategy": run.config["strategy"],
        "weights": [weight.tolist() for weight in run.load("last").get_weights()],
    }
print(json.dumps(runs))
"""


def test_two_replicas_train_as_one_does(tmp_path):
    done = run_python("-c", TWO_DEVICES, tmp_path, **QUIET)
    assert done.returncode == 0, done.stderr
    runs = json.loads(done.stdout.splitlines()[-1])
    row, two = runs["none"], runs["mirrored"]
    assert two["strategy"] == {
        "name": "MirroredStrategy", "replicas": 2, "batch_norm": "synchronized",
    }  # fmt: skip
    for column in ("loss", "accuracy", "val_loss", "val_accuracy"):
        np.testing.assert_allclose(row["history"][column], two["history"][column], rtol=1e-4)
    for a, b in zip(row["weights"], two["weights"], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
