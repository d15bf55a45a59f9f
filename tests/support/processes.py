"""Python processes that tests start: each imports this checkout, wherever it runs."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from typing import Any

from support.paths import ROOT

QUIET = {"TF_CPP_MIN_LOG_LEVEL": "2"}
"""TensorFlow's C++ part tells errors alone: one of the `changes` below."""


def environment(**changes: str) -> dict[str, str]:
    """Returns this process's environment, changed so that a child imports the checkout."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path, **changes}


def start_python(*arguments: object, **changes: str) -> subprocess.Popen[str]:
    """Starts Python with both outputs as pipes; `changes` are those of `environment`."""
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        env=environment(**changes),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_python(*arguments: object, **changes: str) -> subprocess.CompletedProcess[str]:
    """Runs Python to its end, whatever its exit code is; `changes` are those of `environment`."""
    options: dict[str, Any] = {"capture_output": True, "text": True, "check": False}
    return subprocess.run(
        [sys.executable, *map(str, arguments)], env=environment(**changes), **options
    )


def free_ports(count: int) -> list[int]:
    """Returns ports of the loopback interface that nobody listens at."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listening.getsockname()[1] for listening in sockets]
    for listening in sockets:
        listening.close()
    return ports
