"""A training step with grouped convolutions: ours, keras.layers.Conv2D(groups=…)'s and PyTorch's.

    python benchmarks/grouped.py --torch-python /path/to/python

The steps take turns in one run, and the ratios are of medians. Keras's own takes long and is timed
in the first --stock-rounds rounds only. PyTorch runs in an interpreter of its own, by default this
one if it has torch; its figure is that of the better memory layout. Forward, backward and SGD with
momentum, in float32 on random images. Results go to benchmarks/results/grouped.json and .md.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from machine import machine, save  # noqa: E402

import kerascnn  # noqa: E402
from kerascnn.cli.startup import start_keras  # noqa: E402

ROWS = ("resnext50_32x4d", "shufflenet_v1_g3", "shufflenet_v1_g8")
LAYOUTS = ("channels_first", "channels_last")
# A library's threads spin for a while after a step and would disturb the next one's.
REST = 0.3


class Torch:
    """PyTorch in a process of its own, which does one step when asked."""

    def __init__(self, python: str) -> None:
        self.process = subprocess.Popen(
            [python, str(ROOT / "benchmarks" / "torch_steps.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.version = self._line()

    def _line(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        if not line:
            raise SystemExit("PyTorch's process ended; its message stands above")
        return line

    def seconds(self, row: str, layout: str, side: int, batch: int) -> float:
        """Does one step and returns how long it took."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{row} {layout} {side} {batch}\n")
        self.process.stdin.flush()
        return float(self._line())

    def close(self) -> None:
        """Ends the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(30)


def keras_step(row: str, side: int, batch: int, stock: bool) -> Callable[[], float]:
    """Returns the timed training step of a row of ours, done twice before.

    Args:
        row: name in the registry.
        side: of the images, pixels.
        batch: number of images.
        stock: with keras.layers.Conv2D in the place of our GroupedConv2D.
    """
    import keras
    import numpy as np
    import tensorflow as tf

    from kerascnn.applications import layers

    ours = layers.GroupedConv2D
    layers.GroupedConv2D = keras.layers.Conv2D if stock else ours
    try:
        model = kerascnn.create_model(row, input_shape=(side, side, 3), classifier_activation=None)
    finally:
        layers.GroupedConv2D = ours
    model.compile(
        keras.optimizers.SGD(1e-3, 0.9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    draw = np.random.default_rng(0)
    images = tf.constant(draw.normal(size=(batch, side, side, 3)).astype("float32"))
    labels = tf.constant(draw.integers(0, 1000, batch))

    def once() -> float:
        start = time.perf_counter()
        model.train_on_batch(images, labels)
        return time.perf_counter() - start

    once()
    once()
    return once


def measure(row: str, torch: Torch | None, arguments: argparse.Namespace) -> dict[str, Any]:
    """Returns the medians of one row in seconds, and how many steps each is of."""
    side, batch = arguments.size, arguments.batch
    steps: dict[str, Callable[[], float]] = {
        "ours": keras_step(row, side, batch, False),
        "stock": keras_step(row, side, batch, True),
    }
    for layout in LAYOUTS if torch else ():
        assert torch is not None
        steps[layout] = lambda layout=layout: torch.seconds(row, layout, side, batch)
        steps[layout]()
    taken: dict[str, list[float]] = {name: [] for name in steps}
    for number in range(arguments.rounds):
        for name, once in steps.items():
            if name != "stock" or number < arguments.stock_rounds:
                time.sleep(REST)
                taken[name].append(once())
        print(f"{row} {number + 1}/{arguments.rounds}: ", end="")
        print(", ".join(f"{name} {times[-1]:.3f} s" for name, times in taken.items()), flush=True)
    medians = {name: statistics.median(times) for name, times in taken.items()}
    result: dict[str, Any] = {"row": row, "size": side, "batch": batch, "seconds": taken}
    result.update(ours=medians["ours"], stock=medians["stock"])
    result["stock_ratio"] = medians["stock"] / medians["ours"]
    if torch:
        result["torch"] = min(medians[layout] for layout in LAYOUTS)
        result["torch_ratio"] = result["torch"] / medians["ours"]
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="*", default=ROWS, help=f"by default {', '.join(ROWS)}")
    parser.add_argument("--torch-python", help="an interpreter that has torch and torchvision")
    parser.add_argument("--size", type=int, default=64, help="side of the images in pixels (64)")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--stock-rounds", type=int, default=3)
    arguments = parser.parse_args()
    here = sys.executable if importlib.util.find_spec("torch") else None
    python = arguments.torch_python or here
    torch = Torch(python) if python else None
    start_keras()
    rows = [measure(row, torch, arguments) for row in arguments.rows]
    about = machine()
    if torch:
        about["versions"]["torch"] = torch.version
        torch.close()
    table = [
        "# A training step with grouped convolutions",
        "",
        f"Batch {arguments.batch}, {arguments.size}x{arguments.size} images, float32 on the CPU; "
        "medians of steps that took turns; a ratio above 1 is in our favour.",
        "",
        "| row | kerascnn, ms | keras.layers.Conv2D, ms | ratio | PyTorch, ms | ratio |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for r in rows:
        theirs = f"{1e3 * r['torch']:.0f} | {r['torch_ratio']:.2f}" if torch else "- | -"
        table.append(
            f"| {r['row']} | {1e3 * r['ours']:.0f} | {1e3 * r['stock']:.0f} | "
            f"{r['stock_ratio']:.0f} | {theirs} |"
        )
    save("grouped", {"machine": about, "rows": rows}, "\n".join(table))
    print("\n".join(table[4:]))


if __name__ == "__main__":
    main()
