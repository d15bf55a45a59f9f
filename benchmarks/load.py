"""Compares loading ResNet-50 from a .pth file with torch.load + load_state_dict.

    python benchmarks/load.py --torch-python PYTHON_WITH_TORCH_AND_TORCHVISION

torch writes the file. Then both load it alternately, each in its own process, with the file in the
cache of the system; the ratio is that of the medians. kerascnn also searches for NaN and matches by
name. It computes the SHA-256 of the file in another thread, for which `load_weights` does not wait:
both times are given, until the weights are in the model and until the digest is known. Memory is
the peak of a process during a load, minus its memory before. Results go to
benchmarks/results/load.json and .md.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from machine import machine, save  # noqa: E402
from process import Process  # noqa: E402

import kerascnn  # noqa: E402
from kerascnn.cli.startup import start_keras  # noqa: E402

ROW = "resnet50_v1_5"


def resident(field: str) -> int:
    """Returns a field of /proc/self/status in bytes: VmRSS (current) or VmHWM (peak)."""
    return int(Path("/proc/self/status").read_text().split(f"{field}:")[1].split()[0]) * 1024


def load(model: Any, path: Path) -> dict[str, float]:
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # VmHWM counts from here
    before, start = resident("VmRSS"), time.perf_counter()
    report = kerascnn.load_weights(model, path)
    seconds = time.perf_counter() - start
    assert len(report.sha256) == 64  # waits for it
    digest = time.perf_counter() - start
    assert report.fraction == 1
    assert report.layout == "torchvision"
    return {"seconds": seconds, "digest": digest, "memory": resident("VmHWM") - before}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--torch-python", required=True)
    parser.add_argument("--rounds", type=int, default=21)
    arguments = parser.parse_args()
    start_keras()
    model = kerascnn.create_model(ROW)
    torch = Process(arguments.torch_python, "torch_load.py")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "resnet50.pth"
        version = torch.ask(f"write {path}")
        size = path.stat().st_size
        first = load(model, path)
        torch.ask(str(path))
        ours, theirs = [], []
        for _ in range(arguments.rounds):
            ours.append(load(model, path))
            theirs.append(json.loads(torch.ask(str(path))))
        torch.close()
    our_figures, torch_figures = (
        {
            "median": statistics.median(run["seconds"] for run in runs),
            "fastest": min(run["seconds"] for run in runs),
            "memory": max(run["memory"] for run in runs) / size,
            "runs": [run["seconds"] for run in runs],
        }
        for runs in (ours, theirs)
    )
    our_figures["memory_first"] = first["memory"] / size
    our_figures["digest_median"] = statistics.median(run["digest"] for run in ours)
    our_figures["digest_fastest"] = min(run["digest"] for run in ours)
    result = {
        "machine": machine(),
        "torch": version,
        "load_average": os.getloadavg()[0],
        "bytes": size,
        "ours": our_figures,
        "torch_runs": torch_figures,
        "ratio": torch_figures["median"] / our_figures["median"],
        "ratio_of_fastest": torch_figures["fastest"] / our_figures["fastest"],
    }
    table = [
        "| | median, s | fastest, s | peak memory, times the file |",
        "|---|---:|---:|---:|",
        f"| kerascnn.load_weights | {our_figures['median']:.3f} | {our_figures['fastest']:.3f} "
        f"| {max(our_figures['memory'], our_figures['memory_first']):.2f} |",
        f"| and its SHA-256 waited for | {our_figures['digest_median']:.3f} "
        f"| {our_figures['digest_fastest']:.3f} | |",
        f"| torch.load + load_state_dict (torch {version}) | {torch_figures['median']:.3f} "
        f"| {torch_figures['fastest']:.3f} | {torch_figures['memory']:.2f} |",
        "",
        f"ResNet-50, {size / 1e6:.0f} MB, {arguments.rounds} loads each in turn; ratio of the "
        f"medians {result['ratio']:.2f}, of the fastest {result['ratio_of_fastest']:.2f}, without "
        f"the digest, which torch does not make. The system's load average was "
        f"{result['load_average']:.1f} at the end.",
    ]
    print("\n".join(table))
    save("load", result, "\n".join(table))


if __name__ == "__main__":
    main()
