"""Trainings in processes of their own, which may be killed, and what must not depend on that."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import kerascnn
from kerascnn.training.checkpoints import weights_digest
from support.processes import QUIET, environment
from support.scripts import training_jobs

KILLED = -signal.SIGKILL
RESULTS = ("epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate")
"""Columns of a history that tell nothing of time."""


def run_jobs(*jobs: Mapping[str, Any]) -> tuple[list[int], str]:
    """Runs jobs one after the other, each in a process; returns exit codes and standard error."""
    done = subprocess.run(
        [sys.executable, training_jobs.__file__],
        input="".join(json.dumps(job) + "\n" for job in jobs),
        env=environment(**QUIET),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line)["exit"] for line in done.stdout.splitlines()], done.stderr


def outcome(path: str | Path) -> dict[str, Any]:
    """Returns everything that must not depend on interruptions."""
    run = kerascnn.load_run(path)
    history = run.history
    best = run.load("best")
    return {
        "weights": run.result["weights_sha256"],
        "history": {name: history[name] for name in RESULTS},
        "best": weights_digest(best),
        "epochs": run.result["epochs"],
    }
