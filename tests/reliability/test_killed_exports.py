"""An export that is killed at any moment leaves its target absent, or complete."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kerascnn.exporting.verify_export import verify
from kerascnn.fileio.atomic import recover
from support.processes import environment

KILLS = 30
JOB = """
import os, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import kerascnn
from kerascnn.exporting.exporter import export
model = kerascnn.create_model("lenet5")
print("exporting", flush=True)
for number in range(1000):
    export(model, sys.argv[1], ["savedmodel", "onnx", "litert"], overwrite=True)
    print("exported", flush=True)
"""


def start(folder: Path) -> subprocess.Popen[str]:
    """Starts exports to folder/here/out, one after the other, and waits for the first to begin.

    TensorFlow's converters leave files in the system's temporary directory, here folder/tmp.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", JOB, str(folder / "here" / "out")],
        stdout=subprocess.PIPE, text=True, env=environment(TMPDIR=str(folder / "tmp")),
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "exporting\n"
    return process


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    with process:
        process.wait(30)


@pytest.mark.long
@pytest.mark.timeout(3000)
def test_killed_exports(tmp_path: Path) -> None:
    here = tmp_path / "here"
    for folder in (here, tmp_path / "tmp"):
        folder.mkdir()
    target, draw = here / "out", random.Random(5)
    process = start(tmp_path)
    began = time.monotonic()
    assert process.stdout is not None
    assert process.stdout.readline() == "exported\n"
    took = time.monotonic() - began
    kill(process)
    assert len(verify(target, trust=True)) == 3

    verified = 0
    for number in range(KILLS):
        overwriting = bool(number % 2)
        if not overwriting and target.exists():
            shutil.rmtree(target)
        existed = target.exists()
        process = start(tmp_path)
        time.sleep(draw.uniform(0, 1.2 * took))
        kill(process)
        left = {path.name for path in here.iterdir()} - {"out"}
        assert all(name.startswith(".out.kerascnn-") for name in left), left
        assert len(left) <= 1, "what earlier ones left has not been cleared away"
        if target.exists():
            assert len(verify(target, trust=True)) == 3
            verified += 1
        elif existed:  # between the two moves
            recover(target)
            assert len(verify(target, trust=True)) == 3
    assert verified, "no kill left an export to look at"
    recover(target)
    assert {path.name for path in here.iterdir()} <= {"out"}
