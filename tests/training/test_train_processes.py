"""Training in processes of its own: Ctrl-C to the command, and several devices."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np

import kerascnn
from support.paths import ROOT


def start(arguments, **options):
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": path, "TF_CPP_MIN_LOG_LEVEL": "2"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def test_ctrl_c_ends_the_command_with_75_and_names_the_files(tmp_path):
    run_dir = tmp_path / "run"
    command = ["-m", "kerascnn", "train", "lenet5", "digits", "--epochs", "10000"]
    process = start([*command, "--run-dir", str(run_dir)])
    deadline = time.monotonic() + 120
    while not (run_dir / "history.csv").exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 75
    last = errors.strip().splitlines()[-1]
    assert last.startswith("kerascnn: error: stopped by SIGINT")
    assert f"kept: best.keras and last.keras in {run_dir}" in last
    run = kerascnn.load_run(run_dir)
    assert run.load("best").output_shape == run.load("last").output_shape == (None, 10)
    assert not [path for path in run_dir.iterdir() if path.name.startswith(".")]


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
    process = start(["-c", TWO_DEVICES, str(tmp_path)])
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    runs = json.loads(output.splitlines()[-1])
    single, mirrored = runs["none"], runs["mirrored"]
    assert mirrored["strategy"] == {
        "name": "MirroredStrategy", "replicas": 2, "batch_norm": "synchronized",
    }  # fmt: skip
    for column in ("loss", "accuracy", "val_loss", "val_accuracy"):
        np.testing.assert_allclose(
            single["history"][column], mirrored["history"][column], rtol=1e-4
        )
    for a, b in zip(single["weights"], mirrored["weights"], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
