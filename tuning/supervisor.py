"""The parent process of a chief or a worker: restarts it under the same id when it dies.

Standard library only. keras-tuner assigns a dead worker's trial only to a worker of the same id;
the chief reads its state from the disk. A worker marks a trial that killed its process three times
as failed (`trial_runner.MAXIMUM_ATTEMPTS`). So the supervisor gives up only on a process that
cannot start at all, and the chief then assigns its trial to another worker.
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
"""Largest number of consecutive deaths without a trial ending in between."""


def is_child() -> bool:
    """Returns whether this process has a supervisor already."""
    return CHILD in os.environ


def end_with_parent() -> None:
    """Ends this process, as SIGTERM does, when its supervisor ends."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def supervise(address: str, worker: str | None, directory: str | os.PathLike[str]) -> None:
    """Runs this command in a child process, and restarts it until it exits.

    Args:
        address: the chief's address, for messages.
        worker: the worker's id; None for the chief.
        directory: the search's directory.

    Raises:
        SystemExit: the child reported an error; with its exit code.
        Interrupted: Ctrl-C or SIGTERM stopped the child.
        KerasCNNError: the child died too often.
    """
    name = f"chief at {address}" if worker is None else f"worker {worker}"
    if address.startswith(("0.0.0.0", "[::]")):
        print(f"{name}: anyone who reaches this port can add or end trials", file=sys.stderr)
    deaths, ended = 0, -1
    arguments = sys.argv[1:]
    # A child that is started again resumes the search; it would delete it with this option.
    kept = [text for text in arguments if len(text) < 4 or not "--overwrite".startswith(text)]
    again = "" if arguments == kept else " without --overwrite"
    while True:
        code = run_child([sys.executable, "-m", "kerascnn", *arguments])
        arguments = kept
        if code == 0:
            return
        if code == Interrupted.exit_code:
            raise Interrupted(f"{name} was stopped; run the same command{again} to resume")
        if 0 < code < 128:  # a reported error, or one of Python: it would happen again
            raise SystemExit(code)
        now = len(outcome_paths(Path(directory)))
        deaths = 1 if now > ended else deaths + 1
        ended = now
        how = signal.Signals(-code).name if code < 0 else f"code {code}"
        if deaths > RESTARTS:
            raise KerasCNNError(
                f"{name} died {deaths} times without ending a trial, the last time by {how}; "
                "another worker repeats its trial"
            )
        print(f"{name} died ({how}); starting it again", file=sys.stderr, flush=True)


def run_child(command: list[str]) -> int:
    """Runs a command as the supervised process; forwards SIGTERM to it.

    Returns:
        Its exit code; a negative number is the signal that ended it.
    """
    # Links stay as they are: beside src/kerascnn there is nothing else that could be imported.
    root = str(Path(version.__file__).parent.parent)
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, CHILD: "1", "PYTHONPATH": os.pathsep.join(paths)}
    child = subprocess.Popen(command, env=environment)
    old_handlers: dict[int, Any] = {}

    def hand_on(number: int, frame: Any) -> None:
        # The terminal sends Ctrl-C to the child too.
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
