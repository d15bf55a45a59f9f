"""Loads a state dict into torchvision's ResNet-50, once for every line; started by load.py.

A line is the path of a file, answered in JSON, or "write" and a path, which writes such a file with
random weights and is answered with the version of torch. See `torch_steps.torchvision` for the
import of torchvision.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import torch
from torch_steps import torchvision


def resident(field: str) -> int:
    """Returns a field of /proc/self/status in bytes: VmRSS (current) or VmHWM (peak)."""
    return int(Path("/proc/self/status").read_text().split(f"{field}:")[1].split()[0]) * 1024


def main() -> None:
    model = torchvision().models.resnet50(weights=None)
    for line in sys.stdin:
        *write, path = line.split()
        if write:
            torch.save(model.state_dict(), path)
            print(torch.__version__, flush=True)
            continue
        Path("/proc/self/clear_refs").write_text("5")  # VmHWM counts from here
        before, start = resident("VmRSS"), time.perf_counter()
        model.load_state_dict(torch.load(path))
        seconds = time.perf_counter() - start
        print(json.dumps({"seconds": seconds, "memory": resident("VmHWM") - before}), flush=True)


if __name__ == "__main__":
    main()
