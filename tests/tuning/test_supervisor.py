"""The process that starts a search's process again, and what several workers are worth."""

from __future__ import annotations

import os
import runpy
import signal
import sys
from pathlib import Path

import pytest

from kerascnn.errors import KerasCNNError
from kerascnn.tuning import supervisor
from support.paths import ROOT


@pytest.mark.long
@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="two workers need two cores")
def test_two_workers_are_about_twice_as_fast_as_one(tmp_path: Path) -> None:
    """benchmarks/workers.py says how, and what came of it."""
    measured = runpy.run_path(str(ROOT / "benchmarks" / "workers.py"))["measured"]
    seconds = {count: measured(count, tmp_path / str(count)) for count in (1, 2)}
    print(f"one worker {seconds[1]:.1f} s, two {seconds[2]:.1f} s")
    assert seconds[1] / seconds[2] > 1.5


def test_the_supervisor_starts_a_killed_process_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    codes = [-signal.SIGKILL, -signal.SIGSEGV, 0]
    monkeypatch.setattr(supervisor, "run_child", lambda line: codes.pop(0))
    supervisor.supervise("127.0.0.1:7000", "1", tmp_path)
    assert not codes
    told = capsys.readouterr().err
    assert "worker 1 died (SIGKILL)" in told
    assert "SIGSEGV" in told


def test_the_supervisor_gives_up_and_passes_errors_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[int] = []

    def dies(line: list[str]) -> int:
        runs.append(1)
        return -signal.SIGKILL

    monkeypatch.setattr(supervisor, "run_child", dies)
    with pytest.raises(KerasCNNError, match=r"died 6 times without ending a trial.*SIGKILL"):
        supervisor.supervise("127.0.0.1:7000", None, tmp_path)
    assert len(runs) == supervisor.RESTARTS + 1
    monkeypatch.setattr(supervisor, "run_child", lambda line: 6)
    with pytest.raises(SystemExit, match="6"):
        supervisor.supervise("127.0.0.1:7000", None, tmp_path)


def test_the_child_knows_that_it_is_one() -> None:
    assert not supervisor.is_child()
    code = "import sys; from kerascnn.tuning.supervisor import is_child; sys.exit(9 * is_child())"
    assert supervisor.run_child([sys.executable, "-c", code]) == 9
