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
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from keras_steps import training_step  # noqa: E402
from machine import machine, save  # noqa: E402
from torch_process import TorchProcess  # noqa: E402

from kerascnn.cli.startup import start_keras  # noqa: E402

ROWS = ("resnext50_32x4d", "shufflenet_v1_g3", "shufflenet_v1_g8")
LAYOUTS = ("channels_first", "channels_last")
# A library's threads spin for a while after a step and would disturb the next one's.
REST = 0.3


def measure(row: str, torch: TorchProcess | None, arguments: argparse.Namespace) -> dict[str, Any]:
    """Returns the medians of one row in seconds, and how many steps each is of."""
    import keras

    side, batch = arguments.size, arguments.batch
    stock = {"GroupedConv2D": keras.layers.Conv2D}
    steps: dict[str, Callable[[], float]] = {
        "ours": training_step(row, side, batch, "float32", {}),
        "stock": training_step(row, side, batch, "float32", stock),
    }
    for layout in LAYOUTS if torch else ():
        assert torch is not None
        steps[layout] = lambda layout=layout: float(torch.ask(f"{row} {layout} {side} {batch}"))
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
    torch = TorchProcess(python, "torch_steps.py") if python else None
    version = torch.line() if torch else None
    start_keras()
    rows = [measure(row, torch, arguments) for row in arguments.rows]
    about = machine()
    if torch:
        about["versions"]["torch"] = version
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
