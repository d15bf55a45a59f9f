"""What tests/tuning/test_replicas.py asks of two logical devices.

A process can make these only at its start, hence one of its own.

Called with a directory; prints a line of JSON: for each precision the history and the last weights
of one trial on one device, and of the same trial on two.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

from kerascnn.tuning import SearchSpace, search

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

draw = np.random.default_rng(0)
IMAGES, LABELS = draw.integers(0, 256, (81, 12, 12, 1), np.uint8), np.arange(81) % 3
PAIR = (IMAGES, LABELS)


def trial(precision: str, strategy: object, directory: Path) -> dict[str, object]:
    space = SearchSpace(
        "convnet", input_shape=(12, 12, 1), n=(1,), m=(1,), k=(0,), filters=(4,),
        batch_norm=(True,), optimizer=("sgd",), learning_rate=(0.05,), batch_size=(16,),
    )  # fmt: skip
    result = search(
        space, (PAIR, PAIR), trials=1, epochs=3, precision=precision, strategy=strategy,
        directory=directory, verbose=False,
    )  # fmt: skip
    best = result.best
    weights = np.concatenate([weight.numpy().ravel() for weight in result.best_model().weights])
    return {
        "precision": best.precision,
        "history": best.history,
        "epoch": best.epoch,
        "weights": weights.astype("float64").tolist(),
    }


root = Path(sys.argv[1])
results = {}
for precision in ("float32", "mixed_bfloat16"):
    two = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    results[precision] = [
        trial(precision, "none", root / precision / "one"),
        trial(precision, two, root / precision / "two"),
    ]
print(json.dumps(results))
