"""Compares a training step with our layers and with a Keras layer in place of each kind.

    python benchmarks/layers.py

Forward, backward and SGD with momentum on eight random images of 224x224 pixels; the ratio is that
of the medians of --rounds steps. Results go to benchmarks/results/layers.json and .md.
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
# Our Conv2D differs from that of Keras in bfloat16 only.
REPLACED = {
    "float32": ("BatchNormalization",),
    "mixed_bfloat16": ("BatchNormalization", "Conv2D"),
}
BATCH, SIDE = 8, 224


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="*", default=ROWS, help=f"by default {', '.join(ROWS)}")
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    start_keras()
    import keras

    results = []
    for row in arguments.rows:
        for policy, kinds in REPLACED.items():
            instead = [{}, *({kind: getattr(keras.layers, kind)} for kind in kinds)]
            steps = [
                training_step(row, SIDE, BATCH, policy, replacement) for replacement in instead
            ]
            taken = [[once() for once in steps] for _ in range(arguments.rounds)]
            ours, *stock = (statistics.median(times) for times in zip(*taken, strict=True))
            for kind, seconds in zip(kinds, stock, strict=True):
                names = {"row": row, "policy": policy, "kind": kind}
                result = {**names, "ours": ours, "keras": seconds}
                results.append(result)
                print(result, flush=True)
    table = [
        f"# A training step, batch {BATCH}, {SIDE}x{SIDE} pixels",
        "",
        "| row | precision | ours, ms | Keras's own in the place of | ms | ratio |",
        "|---|---|---:|---|---:|---:|",
        *(
            f"| {r['row']} | {r['policy']} | {1e3 * r['ours']:.0f} | {r['kind']} "
            f"| {1e3 * r['keras']:.0f} | {r['keras'] / r['ours']:.2f} |"
            for r in results
        ),
    ]
    save("layers", {"machine": machine(), "steps": results}, "\n".join(table))
    print("\n".join(table))


if __name__ == "__main__":
    main()
