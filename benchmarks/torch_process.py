"""PyTorch in an interpreter of its own: it answers every line with one."""

from __future__ import annotations

import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent


class TorchProcess:
    """A script of this folder under an interpreter that has torch.

    Args:
        python: the interpreter.
        script: the script's name; it reads lines and answers each with one.
    """

    def __init__(self, python: str, script: str) -> None:
        self.process = subprocess.Popen(
            [python, str(HERE / script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def line(self) -> str:
        """Returns the next line of the script, which must not have ended."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        if not line:
            raise SystemExit("PyTorch's process ended; its message stands above")
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
