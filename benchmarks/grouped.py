"""Compares training steps with grouped convolutions: GroupedConv2D, keras.layers.Conv2D, PyTorch.

    python benchmarks/grouped.py --torch-python /path/to/python

Steps of each alternate in one run; the ratios are those of the medians. The two Keras layers are
timed with one thread for each core (the default of TensorFlow) and with one thread
(TF_NUM_INTRAOP_THREADS=1) for each operator: a network of many small operators loses more time by
splitting them than it saves, and independent operators run in parallel anyway. PyTorch is timed in
both memory layouts, in a separate interpreter, by default this one if it has torch, with its
default threads (one thread takes 1.2 to 1.6 times as long for ShuffleNet). The better result of
each counts. The layer of Keras is slow and is timed in the first --stock-rounds rounds only.
Forward, backward and SGD with momentum, in float32 on random images. Results go to
benchmarks/results/grouped.json and .md.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from machine import machine, save  # noqa: E402
from process import Process  # noqa: E402

ROWS = ("resnext50_32x4d", "shufflenet_v1_g3", "shufflenet_v1_g8")
LAYOUTS = ("channels_first", "channels_last")
TURN = 6
THREADS = {"all threads": {}, "one thread": {"TF_NUM_INTRAOP_THREADS": "1"}}
# The threads of a library spin for a while after a step and would disturb the next library.
REST = 0.3


def measure(
    row: str, keras: dict[str, Process], torch: Process | None, arguments: argparse.Namespace
) -> dict[str, Any]:
    """Returns the medians of one row in seconds, and the number of steps of each.

    Args:
        row: name in the registry.
        keras: processes of keras_steps.py, by their threads an operator.
        torch: the process of torch_steps.py.
        arguments: of the command.
    """
    side, batch = arguments.size, arguments.batch
    steps = {
        f"{layer}, {threads}": (process, f"{row} {side} {batch} {layer}")
        for layer in ("ours", "stock")
        for threads, process in keras.items()
    }
    if torch:
        for layout in LAYOUTS:
            steps[f"torch, {layout}"] = (torch, f"{row} {layout} {side} {batch}")
    taken: dict[str, list[float]] = {name: [] for name in steps}
    for number in range(arguments.rounds + 1):
        for name, (process, line) in steps.items():
            if name.startswith("stock") and number > arguments.stock_rounds:
                continue
            time.sleep(REST)
            # Steps of a training follow each other; the first step after a pause wakes the threads.
            seconds = [float(process.ask(line)) for _ in range(1 if "stock" in name else TURN)]
            if number:  # the first round compiles
                taken[name] += seconds[1:] or seconds
    medians = {name: statistics.median(times) for name, times in taken.items()}
    print(row, ", ".join(f"{name} {1e3 * m:.0f} ms" for name, m in medians.items()), flush=True)
    result: dict[str, Any] = {"row": row, "size": side, "batch": batch, "seconds": taken}
    for who in ("ours", "stock", "torch") if torch else ("ours", "stock"):
        best = min((name for name in medians if name.startswith(who)), key=medians.__getitem__)
        result[who], result[f"{who}_best"] = medians[best], best.partition(", ")[2]
    result["stock_ratio"] = result["stock"] / result["ours"]
    if torch:
        result["torch_ratio"] = result["torch"] / result["ours"]
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="*", default=ROWS, help=f"by default {', '.join(ROWS)}")
    parser.add_argument("--torch-python", help="a Python interpreter with torch and torchvision")
    parser.add_argument("--size", type=int, default=64, help="side of the images in pixels (64)")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--stock-rounds", type=int, default=3)
    arguments = parser.parse_args()
    here = sys.executable if importlib.util.find_spec("torch") else None
    python = arguments.torch_python or here
    torch = Process(python, "torch_steps.py") if python else None
    version = torch.line() if torch else None
    keras = {
        f"{name} an operator": Process(sys.executable, "keras_steps.py", environment)
        for name, environment in THREADS.items()
    }
    rows = [measure(row, keras, torch, arguments) for row in arguments.rows]
    for process in keras.values():
        process.close()
    about = machine()
    if torch:
        about["versions"]["torch"] = version
        torch.close()
    table = [
        "# A training step with grouped convolutions",
        "",
        f"Batch {arguments.batch}, {arguments.size}x{arguments.size} images, float32 on the CPU; "
        "medians of steps that took turns; a ratio above 1 is in our favour. Of TensorFlow's times "
        "with all threads an operator and with one, and of PyTorch's with either layout, the "
        "better is taken.",
        "",
        "| row | kerascnn, ms | with | keras.layers.Conv2D, ms | ratio | PyTorch, ms | ratio |",
        "|---|---:|---|---:|---:|---:|---:|",
    ]
    for r in rows:
        theirs = f"{1e3 * r['torch']:.0f} | {r['torch_ratio']:.2f}" if torch else "- | -"
        table.append(
            f"| {r['row']} | {1e3 * r['ours']:.0f} | {r['ours_best']} | {1e3 * r['stock']:.0f} | "
            f"{r['stock_ratio']:.0f} | {theirs} |"
        )
    save("grouped", {"machine": about, "rows": rows}, "\n".join(table))
    print("\n".join(table[4:]))


if __name__ == "__main__":
    main()
