"""A server on this machine that does what servers do, good and bad, for downloads."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from kerascnn.fileio import cache
from kerascnn.weights.download.digests import Digest

BODY = bytes(range(256)) * 4096  # a mebibyte
SHA256 = "fbbab289f7f94b25736c58be46a994c441fd02552cc6022352e3d86d2fab7c83"
MD5 = "c35cc7d8d91728a0cb052831bc4ef372"
HALF = len(BODY) // 2

Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Answers with what the test has set, and writes down what was asked for."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers.get("Range")))
        answers = self.server.answers
        (answers.pop(0) if len(answers) > 1 else answers[0])(self)

    def log_message(self, format: str, *args: object) -> None:
        pass

    def start(self, status: int = 200, length: int | None = None, **headers: str) -> None:
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def drop(self) -> None:
        self.wfile.flush()
        self.close_connection = True


class Server(ThreadingHTTPServer):
    answers: list[Answer]
    asked: list[tuple[str, str | None]]


def good(handler: Handler, body: bytes = BODY) -> None:
    """Serves the body, and any part of it that is asked for."""
    wanted = handler.headers.get("Range")
    first = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
    size = len(body)
    if first >= size:
        handler.start(416, 0, Content_Range=f"bytes */{size}")
    elif wanted:
        handler.start(206, size - first, Content_Range=f"bytes {first}-{size - 1}/{size}")
        handler.wfile.write(body[first:])
    else:
        handler.start(200, size, ETag='"1"')
        handler.wfile.write(body)


def dropping(handler: Handler) -> None:
    """Breaks off in the middle of what it serves."""
    wanted = handler.headers.get("Range")
    first = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
    status, left = (206 if wanted else 200), len(BODY) - first
    handler.start(status, left, Content_Range=f"bytes {first}-{len(BODY) - 1}/{len(BODY)}")
    handler.wfile.write(BODY[first : first + left // 2])
    handler.drop()


def without_range(handler: Handler) -> None:
    handler.start(200, len(BODY))
    handler.wfile.write(BODY)


def failing(status: int) -> Answer:
    return lambda handler: handler.start(status, 0)


def to(where: str) -> Answer:
    return lambda handler: handler.start(302, 0, Location=where)


@contextlib.contextmanager
def serving() -> Iterator[Server]:
    """Runs a server that serves the body until a test sets other answers."""
    running = Server(("127.0.0.1", 0), Handler)
    running.answers, running.asked = [good], []
    thread = threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield running
    running.shutdown()
    running.server_close()
    thread.join()


def url(server: Server, name: str = "weights.pth") -> str:
    return f"http://127.0.0.1:{server.server_address[1]}/{name}"


def place() -> Path:
    return cache.home() / "weights" / "zoo" / "weights.pth"


def left() -> list[str]:
    return sorted(path.name for path in place().parent.iterdir())


KNOWN = Digest(sha256=SHA256[:8])
