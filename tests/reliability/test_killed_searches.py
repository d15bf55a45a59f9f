"""Searches that are killed, alone and of several processes, by the command itself."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.processes import QUIET, environment, free_ports

AXES = ["--axis", "n=1", "--axis", "m=2", "--axis", "filters=8,12,16,20,24,28", "--axis", "k=0,1"]
Process = subprocess.Popen[bytes]


def command(directory: Path, *more: str, threads: int = 0) -> Process:
    variables = environment(**QUIET)
    if threads:
        for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
            variables[name] = str(threads)
    line = [sys.executable, "-m", "kerascnn", "tune", "convnet", "digits", "--dir", str(directory)]
    with (directory.parent / f"log{time.time_ns()}").open("wb") as log:
        return subprocess.Popen(
            [*line, *AXES, "--keep-poor", *more], env=variables, stdout=log, stderr=log
        )


def logs(directory: Path) -> str:
    return "\n".join(path.read_text("utf-8") for path in sorted(directory.parent.glob("log*")))


def until(condition: Callable[[], Any], seconds: float, directory: Path) -> Any:
    begun = time.monotonic()
    while time.monotonic() - begun < seconds:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    pytest.fail(f"waited {seconds} s\n{logs(directory)}")


def outcomes(directory: Path) -> dict[str, bytes]:
    return {
        path.parent.name: path.read_bytes()
        for path in directory.glob("trials/trial_*/outcome.json")
    }


def training(directory: Path) -> dict[str, dict[str, Any]]:
    """Returns the trials in work that have ended an epoch: their last beginning by name."""
    attempts = {}
    for path in directory.glob("trials/trial_*/history.json"):
        with contextlib.suppress(OSError, ValueError):
            if not (path.parent / "outcome.json").exists():
                attempts[path.parent.name] = json.loads((path.parent / "attempts.json").read_text())
    return {name: started[-1] for name, started in attempts.items()}


@contextlib.contextmanager
def cleaned(*processes: Process) -> Iterator[None]:
    try:
        yield
    finally:
        for process in processes:
            if process.poll() is None:
                process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(20)
            if process.poll() is None:
                process.kill()


def test_a_killed_search_goes_on(tmp_path: Path) -> None:
    directory = tmp_path / "search"
    more = ("--trials", "3", "--epochs", "6")
    first = command(directory, *more)
    with cleaned(first):
        until(lambda: outcomes(directory) and training(directory), 120, directory)
        first.send_signal(signal.SIGKILL)
        first.wait()
    kept, lost = outcomes(directory), training(directory)
    second = command(directory, *more)
    with cleaned(second):
        assert second.wait(200) == 0, logs(directory)
    after = outcomes(directory)
    assert {name: after[name] for name in kept} == kept  # not a byte of what had ended
    assert sorted(after) == ["trial_0", "trial_1", "trial_2"]
    attempts = {name: json.loads(text)["attempts"] for name, text in after.items()}
    assert attempts == {name: 2 if name in lost else 1 for name in after}
    assert json.loads((directory / "search.json").read_text())["state"] == "finished"
    assert (directory / "report.html").is_file()


def children(process: Process) -> list[int]:
    path = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return [int(pid) for pid in path.read_text().split()]


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="children are found in /proc")
def test_a_chief_and_two_workers_survive_kills(tmp_path: Path) -> None:
    directory, address = tmp_path / "search", f"127.0.0.1:{free_ports(1)[0]}"
    more = ("--trials", "6", "--epochs", "8", "--chief", address)
    chief = command(directory, *more, threads=1)
    workers = {
        number: command(directory, *more, "--worker", number, threads=1) for number in ("1", "2")
    }
    with cleaned(chief, *workers.values()):
        until(lambda: outcomes(directory), 200, directory)
        name, begun = until(lambda: training(directory), 100, directory).popitem()
        os.kill(begun["pid"], signal.SIGKILL)  # the worker, in the middle of a trial
        until(lambda: len(outcomes(directory)) >= 2, 100, directory)
        kept = outcomes(directory)
        os.kill(children(chief)[0], signal.SIGKILL)
        assert chief.wait(400) == 0, logs(directory)
        for worker in workers.values():
            assert worker.wait(60) == 0, logs(directory)
    after = outcomes(directory)
    assert {trial: after[trial] for trial in kept} == kept
    assert len(after) == 6
    records = {trial: json.loads(text) for trial, text in after.items()}
    assert all(record["status"] == "COMPLETED" for record in records.values())
    assert records[name]["attempts"] == 2
    assert records[name]["worker"] == begun["worker"]  # started again under its old id
    assert {record["worker"] for record in records.values()} == {"worker-1", "worker-2"}
    others = [record["attempts"] for trial, record in records.items() if trial != name]
    assert others == [1] * 5  # the chief's death repeated nothing
