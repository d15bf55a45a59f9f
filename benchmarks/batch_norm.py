"""A training step with our batch normalisation and with Keras's own, in turn in one run.

    python benchmarks/batch_norm.py

Forward, backward and SGD with momentum on random images, eight of 224x224 pixels; the ratio is of
the medians of --rounds steps. Results go to benchmarks/results/batch_norm.json and .md.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from keras_steps import training_step  # noqa: E402
from machine import machine, save  # noqa: E402

from kerascnn.cli.startup import start_keras  # noqa: E402

ROWS = ("resnet50", "mobilenet_v2", "densenet121")
POLICIES = ("float32", "mixed_bfloat16")
BATCH, SIDE = 8, 224


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="*", default=ROWS, help=f"by default {', '.join(ROWS)}")
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    start_keras()
    import keras

    layers = ({}, {"BatchNormalization": keras.layers.BatchNormalization})
    results = []
    for row in arguments.rows:
        for policy in POLICIES:
            steps = [training_step(row, SIDE, BATCH, policy, instead) for instead in layers]
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
