"""A directory is written by one process at a time; the lock of a dead one is taken over."""

from __future__ import annotations

import os
import signal
import time

import pytest

from kerascnn.errors import OutputError, UsageError
from kerascnn.fileio.locks import LOCK, locked
from support.processes import start_python

HOLD = """
import sys, time
from pathlib import Path
from kerascnn.fileio.locks import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_two_runs_cannot_share_a_directory(tmp_path):
    other = start_python("-c", HOLD, tmp_path)
    assert other.stdout.readline() == "held\n"
    told = f"process {other.pid} on .* is training into"
    with pytest.raises(UsageError, match=told) as error, locked(tmp_path):
        pass
    assert error.value.exit_code == 2
    other.send_signal(signal.SIGKILL)
    other.wait()
    assert (tmp_path / LOCK).exists()
    deadline = time.monotonic() + 5
    with locked(tmp_path):  # of a dead process: taken over
        assert (tmp_path / LOCK).read_text().split()[0] == str(os.getpid())
    assert time.monotonic() < deadline
    assert not (tmp_path / LOCK).exists()


def test_a_place_that_cannot_be_locked(tmp_path):
    (tmp_path / "file").write_text("mine")
    told = "cannot write the run directory"
    with pytest.raises(OutputError, match=told), locked(tmp_path / "file"):
        pass
