"""Compares the export of ResNet-50 to ONNX with the export of Keras: time, memory, nodes.

    python benchmarks/export.py            # 2 minutes

Each way runs in its own process, three times alternately; the medians are written to
benchmarks/results/export.json and .md. The time of `kerascnn` includes the verification (reload in
onnxruntime, comparison of 12 images); the export of Keras has none.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

REPEATS = 3
WAYS = ("keras.Model.export", "kerascnn.export", "kerascnn.export, writing only")


def measure(way: str) -> dict[str, float]:
    """Exports once and returns seconds and peak memory of the process in GB."""
    import resource

    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import numpy as np

    import kerascnn

    model = kerascnn.create_model("resnet50")
    model(np.zeros((1, 224, 224, 3), "float32"))  # Keras exports no model that was never called
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory)
        started = time.perf_counter()
        if way == WAYS[0]:
            model.export(str(path / "model.onnx"), format="onnx", verbose=False)
            file, taken = path / "model.onnx", time.perf_counter() - started
        else:
            (report,) = kerascnn.export(model, path / "out", ["onnx"])
            taken = time.perf_counter() - started
            file = report.path
            if way == WAYS[2]:
                taken = report.convert_seconds
        import onnx

        nodes = [node.op_type for node in onnx.load(file).graph.node]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return {
        "seconds": taken,
        "peak": peak,
        "nodes": len(nodes),
        "transposes": nodes.count("Transpose"),
    }


def command_line() -> float:
    """Returns the seconds of the whole command, including imports and building."""
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-m", "kerascnn", "export", "resnet50", f"{directory}/out"]
        started = time.perf_counter()
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        subprocess.run(
            [*command, "--formats", "onnx"], check=True, capture_output=True, env=environment
        )
        return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "way", nargs="?", choices=WAYS, help="measure only this way, once, and print the result"
    )
    way = parser.parse_args().way
    if way is not None:
        print(json.dumps(measure(way)))
        return
    from machine import machine, save

    load = [os.getloadavg()[0]]
    runs_of: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    commands = []
    for _ in range(REPEATS):
        for way in WAYS[:2]:
            ended = subprocess.run(
                [sys.executable, __file__, way], check=True, capture_output=True, text=True
            )
            runs_of[way].append(json.loads(ended.stdout.splitlines()[-1]))
        commands.append(command_line())
    ended = subprocess.run(
        [sys.executable, __file__, WAYS[2]], check=True, capture_output=True, text=True
    )
    runs_of[WAYS[2]].append(json.loads(ended.stdout.splitlines()[-1]))
    medians = {
        way: {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        for way, runs in runs_of.items()
    }
    load.append(os.getloadavg()[0])
    ratio = medians[WAYS[1]]["seconds"] / medians[WAYS[0]]["seconds"]
    command = statistics.median(commands)
    lines = [
        "ResNet-50 to ONNX, medians; each in a process of its own.\n",
        "| | seconds | peak GB | nodes | Transposes |",
        "| --- | --- | --- | --- | --- |",
    ]
    for way, row in medians.items():
        lines.append(
            f"| {way} | {row['seconds']:.1f} | {row['peak']:.1f} | {row['nodes']:.0f} | "
            f"{row['transposes']:.0f} |"
        )
    lines.append(
        f"\nWith the proof, `kerascnn.export` takes {ratio:.2f} of the time of Keras's export; the "
        f"whole command `kerascnn export resnet50 out --formats onnx` takes {command:.1f} s. "
        f"Load average {load[0]:.1f} before and {load[1]:.1f} after."
    )
    result = {"machine": machine(), "runs": runs_of, "medians": medians, "ratio": ratio,
              "command_seconds": commands, "load": load}  # fmt: skip
    save("export", result, "\n".join(lines))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
