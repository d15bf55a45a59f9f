"""A client of the language server that editors ask for completions, signatures and docstrings."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Position = dict[str, int]


class LanguageServer:
    """pyright's language server, asked about one file.

    Args:
        process: the server, which speaks the Language Server Protocol on its two pipes.
        python: the Python whose packages it reads.
        folder: the user's project.
    """

    def __init__(self, process: subprocess.Popen[bytes], python: Path, folder: Path) -> None:
        self._process, self._python = process, python
        self._count = 0
        self._file = (folder / "script.py").as_uri()
        root = folder.as_uri()
        self._ask(
            "initialize",
            {
                "processId": os.getpid(),
                "rootUri": root,
                "workspaceFolders": [{"uri": root, "name": "project"}],
                "capabilities": {
                    "workspace": {"configuration": True},
                    "textDocument": {
                        "hover": {"contentFormat": ["plaintext"]},
                        "signatureHelp": {
                            "signatureInformation": {"documentationFormat": ["plaintext"]}
                        },
                    },
                },
            },
        )
        self._send({"method": "initialized", "params": {}})

    def open(self, text: str) -> None:
        """Opens a file that holds `text`."""
        document = {"uri": self._file, "languageId": "python", "version": 1, "text": text}
        self._send({"method": "textDocument/didOpen", "params": {"textDocument": document}})

    def completions(self, line: int, column: int) -> list[str]:
        """Returns the names that complete the text before a position."""
        answer = self._at("completion", line, column)
        return [item["label"] for item in answer["items"]]

    def hover(self, line: int, column: int) -> str:
        """Returns what an editor shows of the name at a position."""
        return self._at("hover", line, column)["contents"]["value"]

    def signature(self, line: int, column: int) -> tuple[str, str]:
        """Returns signature and docstring of the call whose arguments a position is in."""
        (signature,) = self._at("signatureHelp", line, column)["signatures"]
        documentation = signature["documentation"]
        return signature["label"], (
            documentation if isinstance(documentation, str) else documentation["value"]
        )

    def _at(self, kind: str, line: int, column: int) -> Any:
        position: Position = {"line": line, "character": column}
        return self._ask(
            f"textDocument/{kind}", {"textDocument": {"uri": self._file}, "position": position}
        )

    def _ask(self, method: str, parameters: dict[str, Any]) -> Any:
        """Sends a request and returns its answer; serves the server's own requests until then."""
        self._count += 1
        self._send({"id": self._count, "method": method, "params": parameters})
        while True:
            message = self._receive()
            if "method" in message and "id" in message:
                settings = {"pythonPath": str(self._python)}
                asked = message["params"].get("items", []) if message.get("params") else []
                result = [settings if item.get("section") == "python" else {} for item in asked]
                self._send({"id": message["id"], "result": result or None})
            elif message.get("id") == self._count:
                assert "error" not in message, message
                return message["result"]

    def _send(self, message: dict[str, Any]) -> None:
        content = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(f"Content-Length: {len(content)}\r\n\r\n".encode() + content)
        self._process.stdin.flush()

    def _receive(self) -> dict[str, Any]:
        stream = self._process.stdout
        assert stream is not None
        length = 0
        while (line := stream.readline()) != b"\r\n":
            assert line, "the language server has ended"
            if line.lower().startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        return json.loads(stream.read(length))


@contextlib.contextmanager
def serving(python: Path, folder: Path) -> Iterator[LanguageServer]:
    """Starts the language server for a project in `folder`; `python` has the packages."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pyright.langserver", "--stdio"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": "", "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield LanguageServer(process, python, folder)
    finally:
        process.kill()
        process.communicate()
