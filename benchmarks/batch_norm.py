"""A training step with our batch normalisation and with Keras's own, in turn in one run.

    python benchmarks/batch_norm.py

Forward, backward and SGD with momentum on random images, eight of 224x224 pixels; the ratio is of
the medians of --rounds steps. Results go to benchmarks/results/batch_norm.json and .md.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from machine import machine, save  # noqa: E402

import kerascnn  # noqa: E402
from kerascnn.cli.startup import start_keras  # noqa: E402
from kerascnn.devices import policy_scope  # noqa: E402

ROWS = ("resnet50", "mobilenet_v2", "densenet121")
POLICIES = ("float32", "mixed_bfloat16")
BATCH, SIDE = 8, 224


def training_step(row: str, policy: str, stock: bool) -> Callable[[], float]:
    """Returns the timed training step of a row, done twice before."""
    import keras
    import numpy as np
    import tensorflow as tf

    from kerascnn.applications import layers

    ours = layers.BatchNormalization
    layers.BatchNormalization = keras.layers.BatchNormalization if stock else ours
    try:
        with policy_scope(policy):
            model = kerascnn.create_model(row, classifier_activation=None)
    finally:
        layers.BatchNormalization = ours
    model.compile(
        keras.optimizers.SGD(1e-3, 0.9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    draw = np.random.default_rng(0)
    images = tf.constant(draw.normal(size=(BATCH, SIDE, SIDE, 3)).astype("float32"))
    labels = tf.constant(draw.integers(0, 1000, BATCH))

    def once() -> float:
        start = time.perf_counter()
        model.train_on_batch(images, labels)
        return time.perf_counter() - start

    once()
    once()
    return once


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="*", default=ROWS, help=f"by default {', '.join(ROWS)}")
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    start_keras()
    results = []
    for row in arguments.rows:
        for policy in POLICIES:
            steps = [training_step(row, policy, stock) for stock in (False, True)]
            taken = [[once() for once in steps] for _ in range(arguments.rounds)]
            ours, stock = (statistics.median(times) for times in zip(*taken, strict=True))
            results.append({"row": row, "policy": policy, "ours": ours, "stock": stock})
            print(results[-1], flush=True)
    table = [
        f"# A training step, batch {BATCH}, {SIDE}x{SIDE} pixels",
        "",
        "| row | precision | our batch norm, ms | keras.layers.BatchNormalization, ms | ratio |",
        "|---|---|---:|---:|---:|",
        *(
            f"| {r['row']} | {r['policy']} | {1e3 * r['ours']:.0f} | {1e3 * r['stock']:.0f} "
            f"| {r['stock'] / r['ours']:.2f} |"
            for r in results
        ),
    ]
    save("batch_norm", {"machine": machine(), "steps": results}, "\n".join(table))
    print("\n".join(table))


if __name__ == "__main__":
    main()
