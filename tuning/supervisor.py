"""The process above a chief or a worker: starts it again, under its old id, when it dies.

Standard library only. keras-tuner gives a dead worker's trial to the same id again, and to no
other; the chief reads what it had from the disk. A trial that kills its process three times is
marked as failed by the worker itself (`trial_runner.MAXIMUM_ATTEMPTS`), so what is given up here is
a process that cannot start at all, and the chief gives its trial to another worker.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from kerascnn import version
from kerascnn.errors import Interrupted, KerasCNNError
from kerascnn.tuning.search_files import outcome_paths

CHILD = "KERASCNN_TUNE_CHILD"
RESTARTS = 5
"""Deaths in a row, without a trial ending in between, after which a process is given up."""


def is_child() -> bool:
    """Tells whether this process has a supervisor already."""
    return CHILD in os.environ


def end_with_parent() -> None:
    """Lets this process end, as on SIGTERM, when its supervisor is gone."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def supervise(address: str, worker: str | None, directory: str | os.PathLike[str]) -> None:
    """Runs this command's own arguments in a child until it ends by itself.

    Args:
        address: the chief's, for messages.
        worker: the worker's id; None for the chief.
        directory: the search's.

    Raises:
        SystemExit: with the child's code, when it failed on purpose; it has said why.
        Interrupted: the child was stopped by Ctrl-C or SIGTERM.
        KerasCNNError: it died too often.
    """
    name = f"chief at {address}" if worker is None else f"worker {worker}"
    if address.startswith(("0.0.0.0", "[::]")):
        print(f"{name}: anyone who reaches this port can add or end trials", file=sys.stderr)
    deaths, ended = 0, -1
    while True:
        code = run_child([sys.executable, "-m", "kerascnn", *sys.argv[1:]])
        if code == 0:
            return
        if code == Interrupted.exit_code:
            raise Interrupted(f"{name} was stopped; the same command goes on")
        if 0 < code < 128:  # an error of ours, or of Python's: it would come again
            raise SystemExit(code)
        now = len(outcome_paths(Path(directory)))
        deaths = 1 if now > ended else deaths + 1
        ended = now
        how = signal.Signals(-code).name if code < 0 else f"code {code}"
        if deaths > RESTARTS:
            raise KerasCNNError(
                f"{name} died {deaths} times without ending a trial, the last time by {how}; "
                "its trial goes to another worker"
            )
        print(f"{name} died ({how}); starting it again", file=sys.stderr, flush=True)


def run_child(command: list[str]) -> int:
    """Runs a command as the supervised process; Ctrl-C and SIGTERM are handed on to it.

    Returns:
        Its exit code; below 0 the signal that ended it.
    """
    # Links stay as they are: beside src/kerascnn there is nothing else that could be imported.
    root = str(Path(version.__file__).parent.parent)
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, CHILD: "1", "PYTHONPATH": os.pathsep.join(paths)}
    child = subprocess.Popen(command, env=environment)
    old_handlers: dict[int, Any] = {}

    def hand_on(number: int, frame: Any) -> None:
        # Ctrl-C on a terminal reaches the child by itself.
        if number == signal.SIGTERM:
            child.send_signal(number)

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            old_handlers[number] = signal.signal(number, hand_on)
    try:
        return child.wait()
    finally:
        for handled, handler in old_handlers.items():
            signal.signal(handled, handler)
        if child.poll() is None:
            child.kill()
            child.wait()
