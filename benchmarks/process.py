"""A script of this folder in a separate process, which answers every line with a line."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).resolve().parent


class Process:
    """A script of this folder under some interpreter.

    Args:
        python: the interpreter.
        script: the script's name; it reads lines and answers each with one.
        environment: variables that it has besides ours.
    """

    def __init__(
        self, python: str, script: str, environment: Mapping[str, str] | None = None
    ) -> None:
        self.script = script
        self.process = subprocess.Popen(
            [python, str(HERE / script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environment or {})},
        )

    def line(self) -> str:
        """Returns the next line of the script; raises if it has ended."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        if not line:
            raise SystemExit(f"{self.script} ended; its message stands above")
        return line

    def ask(self, line: str) -> str:
        """Returns the answer to a line."""
        assert self.process.stdin is not None
        print(line, file=self.process.stdin, flush=True)
        return self.line()

    def close(self) -> None:
        """Ends the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(30)
