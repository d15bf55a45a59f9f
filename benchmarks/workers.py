"""Compares the time of a search by a chief and two workers with that by one worker.

    python benchmarks/workers.py

All are processes of `kerascnn tune` on one machine. Each worker runs on one core; otherwise a
single worker would use all cores. The time is from the start of the first trial to the end of the
last, without the start of TensorFlow.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
AXES = ("n=1", "m=2", "filters=8,12,16,20,24,28", "k=0,1")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def measured(workers: int, directory: Path, trials: int = 8, epochs: int = 25) -> float:
    """Returns the seconds of a search by a number of workers.

    Args:
        workers: 1 up to the number of cores.
        directory: a new one.
        trials, epochs: of the search.
    """
    directory.mkdir(parents=True)
    cores = sorted(os.sched_getaffinity(0))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "2"}
    line = [
        sys.executable, "-m", "kerascnn", "tune", "convnet", "digits",
        "--dir", str(directory / "search"), "--chief", f"127.0.0.1:{free_port()}", "--keep-poor",
        "--trials", str(trials), "--epochs", str(epochs),
    ]  # fmt: skip
    for axis in AXES:
        line += ["--axis", axis]
    with contextlib.ExitStack() as stack:
        processes = []
        for name in ("chief", *map(str, range(workers))):
            log = stack.enter_context((directory / f"{name}.log").open("wb"))
            more = [] if name == "chief" else ["--worker", name]
            process = subprocess.Popen([*line, *more], env=environment, stdout=log, stderr=log)
            stack.callback(process.kill)
            if name != "chief":
                os.sched_setaffinity(process.pid, {cores[int(name)]})
            processes.append(process)
        for process in processes:
            if process.wait(500):
                raise RuntimeError("\n".join(log.read_text() for log in directory.glob("*.log")))
    ended = list(directory.glob("search/trials/trial_*/outcome.json"))
    assert len(ended) == trials
    begun = [json.loads(path.with_name("attempts.json").read_text())[0]["at"] for path in ended]
    return max(path.stat().st_mtime for path in ended) - min(begun)


def main() -> None:
    sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]
    from machine import machine, save

    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    with tempfile.TemporaryDirectory() as root:
        seconds = {count: measured(count, Path(root) / str(count)) for count in (1, 2)}
    times = seconds[1] / seconds[2]
    table = (
        "# Searches by several processes\n\n"
        "8 trials of `convnet` on the digits, 25 epochs each, by one chief on the same machine and "
        f"workers held to a core each: one worker {seconds[1]:.1f} s, two {seconds[2]:.1f} s: "
        f"**{times:.2f} times as fast**."
    )
    print(table)
    save("workers", {"machine": machine(), "seconds": seconds, "times": times}, table)


if __name__ == "__main__":
    main()
