"""What a script in a process of its own, which a file could end, says of each file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.paths import SCRIPTS
from support.processes import environment


def answers(script: str, folder: Path, names: list[str]) -> dict[str, dict[str, Any]]:
    """Returns the script's answer for each file; fails if the process ends before the last one.

    Args:
        script: its name in tests/support/scripts.
        folder: the folder of the files.
        names: of the files.
    """
    done = subprocess.run(
        [sys.executable, str(SCRIPTS / script), str(folder)],
        input=json.dumps(names),
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
    )
    answer = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if len(answer) < len(names):
        died = names[len(answer)]
        pytest.fail(f"died with {done.returncode} at {died}: {done.stderr[-2000:]}")
    return {row["name"]: row for row in answer}
