"""Downloads, against a server on this machine that does what servers do."""

from __future__ import annotations

import hashlib
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from kerascnn.errors import DamagedFileError, OutputError, UnsafeFileError, UsageError
from kerascnn.weights import cache, downloads
from kerascnn.weights.digests import Digest
from kerascnn.weights.downloads import DownloadError, fetch

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


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("KERASCNN_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(downloads, "PAUSES", (0.0, 0.0, 0.0, 0.0))
    made = Server(("127.0.0.1", 0), Handler)
    made.answers, made.asked = [good], []
    thread = threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


def url(server: Server, name: str = "weights.pth") -> str:
    return f"http://127.0.0.1:{server.server_address[1]}/{name}"


def place() -> Path:
    return cache.home() / "weights" / "zoo" / "weights.pth"


def left() -> list[str]:
    return sorted(path.name for path in place().parent.iterdir())


KNOWN = Digest(sha256=SHA256[:8])


def test_the_digests_are_of_the_body() -> None:
    assert hashlib.sha256(BODY).hexdigest() == SHA256
    assert hashlib.md5(BODY).hexdigest() == MD5


@pytest.mark.parametrize(
    "digest", [KNOWN, Digest(sha256=SHA256), Digest(md5=MD5), Digest(sha256=SHA256[:8].upper())]
)
def test_a_good_file_is_fetched_once(server: Server, digest: Digest) -> None:
    assert fetch(url(server), place(), digest) == place()
    assert place().read_bytes() == BODY
    assert fetch(url(server), place(), digest) == place()
    assert server.asked == [("/weights.pth", None)]
    assert left() == ["weights.pth", "weights.pth.sha256"]
    assert (place().parent / left()[1]).read_text() == f"{SHA256}  weights.pth\n"


def test_the_cache_is_private(server: Server) -> None:
    fetch(url(server), place(), KNOWN)
    directories = [cache.home(), cache.home() / "weights", place().parent]
    assert [oct(one.stat().st_mode & 0o777) for one in directories] == ["0o700"] * 3
    assert oct(place().stat().st_mode & 0o077) == "0o0"


def test_a_dropped_connection_is_resumed_where_it_broke(server: Server) -> None:
    server.answers = [dropping, dropping, good]
    fetch(url(server), place(), KNOWN)
    assert place().read_bytes() == BODY
    quarter = HALF + HALF // 2
    assert [range_ for _, range_ in server.asked] == [None, f"bytes={HALF}-", f"bytes={quarter}-"]


def test_a_download_that_broke_off_is_resumed_by_the_next_process(server: Server) -> None:
    server.answers = [dropping, failing(404)]
    with pytest.raises(DownloadError, match="404"):
        fetch(url(server), place(), KNOWN)
    assert left() == [".weights.pth.part"]
    assert (place().parent / left()[0]).stat().st_size == HALF
    server.answers = [good]
    fetch(url(server), place(), KNOWN)
    assert place().read_bytes() == BODY
    assert server.asked[-1] == ("/weights.pth", f"bytes={HALF}-")
    assert left() == ["weights.pth", "weights.pth.sha256"]


def test_a_part_of_another_version_is_given_up(server: Server) -> None:
    place().parent.mkdir(parents=True)
    (place().parent / ".weights.pth.part").write_bytes(b"\1" * HALF)
    fetch(url(server), place(), KNOWN)
    assert place().read_bytes() == BODY
    assert [range_ for _, range_ in server.asked] == [f"bytes={HALF}-", None]


def test_a_part_that_is_already_whole(server: Server) -> None:
    place().parent.mkdir(parents=True)
    (place().parent / ".weights.pth.part").write_bytes(BODY)
    fetch(url(server), place(), KNOWN)
    assert place().read_bytes() == BODY
    assert len(server.asked) == 1


def test_a_part_that_a_killed_process_left_is_taken_over(server: Server) -> None:
    place().parent.mkdir(parents=True)
    live, dead = (place().parent / f".weights.pth.{name}.part" for name in ("live", "dead"))
    for part in (live, dead):
        part.write_bytes(BODY[:HALF])
    os.utime(dead, (0, 0))
    fetch(url(server), place(), KNOWN)
    assert place().read_bytes() == BODY
    assert server.asked == [("/weights.pth", f"bytes={HALF}-")]
    assert (live.exists(), dead.exists()) == (True, False)


def test_a_server_without_ranges_sends_all_again(server: Server) -> None:
    server.answers = [dropping, without_range]
    fetch(url(server), place(), KNOWN)
    assert place().read_bytes() == BODY
    assert [range_ for _, range_ in server.asked] == [None, f"bytes={HALF}-"]


def test_without_a_digest_only_an_unchanged_file_is_continued(server: Server) -> None:
    def tagged(handler: Handler) -> None:
        handler.start(200, len(BODY), ETag='"1"')
        handler.wfile.write(BODY[:HALF])
        handler.drop()

    server.answers = [dropping, tagged, good]  # the first says nothing of its version
    fetch(url(server), place())
    assert place().read_bytes() == BODY
    assert [range_ for _, range_ in server.asked] == [None, None, f"bytes={HALF}-"]


def test_a_body_that_stays_truncated_is_told(server: Server) -> None:
    def short(handler: Handler) -> None:
        handler.start(200, len(BODY))
        handler.wfile.write(BODY[:HALF])
        handler.drop()

    server.answers = [short]
    message = r"524,288 of 1,048,576 bytes came, 5 times.*put it at .*weights\.pth$"
    with pytest.raises(DownloadError, match=message) as told:
        fetch(url(server), place(), KNOWN)
    assert len(str(told.value)) <= 400
    assert len(server.asked) == 5
    assert not place().exists()


def test_a_wrong_digest_keeps_nothing_and_the_old_file(server: Server) -> None:
    fetch(url(server), place(), KNOWN)
    old = BODY[:-1]
    place().write_bytes(old)  # damaged since
    server.answers = [lambda handler: good(handler, BODY[:-1] + b"?")]
    with pytest.raises(DamagedFileError, match=r"SHA-256 begins [0-9a-f]{8}, not fbbab289"):
        fetch(url(server), place(), KNOWN)
    assert place().read_bytes() == old
    assert left() == ["weights.pth", "weights.pth.sha256"]
    with pytest.raises(DamagedFileError, match=r"MD5 is [0-9a-f]{32}, not c35cc7d8"):
        fetch(url(server), place(), Digest(md5=MD5))


def test_a_flipped_bit_is_found_where_no_digest_is_published(server: Server) -> None:
    fetch(url(server), place())
    flipped = bytearray(BODY)
    flipped[HALF] ^= 1
    place().write_bytes(flipped)
    fetch(url(server), place())
    assert place().read_bytes() == BODY
    assert len(server.asked) == 2


def test_a_damaged_file_is_named_where_no_other_can_be_had(server: Server) -> None:
    fetch(url(server), place(), KNOWN)
    place().write_bytes(b"?")
    server.answers = [failing(404)]
    with pytest.raises(DownloadError, match=r"weights\.pth is damaged"):
        fetch(url(server), place(), KNOWN)


@pytest.mark.parametrize(
    ("status", "times"), [(404, 1), (403, 1), (410, 1), (503, 5), (429, 5), (500, 5)]
)
def test_answers_that_are_not_the_file(server: Server, status: int, times: int) -> None:
    server.answers = [failing(status)]
    with pytest.raises(DownloadError, match=f"the server answers {status} ") as told:
        fetch(url(server), place(), KNOWN)
    assert str(place()) in str(told.value)
    assert "\n" not in str(told.value)
    assert len(server.asked) == times
    assert left() == []


def test_a_busy_server_is_asked_again(server: Server) -> None:
    server.answers = [failing(503), failing(429), good]
    fetch(url(server), place(), KNOWN)
    assert place().read_bytes() == BODY


@pytest.mark.parametrize("kind", ["text/html", "application/octet-stream"])
def test_a_web_page_is_not_weights(server: Server, kind: str) -> None:
    page = b"\n<!DOCTYPE html><title>Sign in</title>" + b" " * 5000

    def portal(handler: Handler) -> None:
        handler.start(200, len(page), Content_Type=kind)
        handler.wfile.write(page)

    server.answers = [portal]
    with pytest.raises(DamagedFileError, match="answers with a web page"):
        fetch(url(server), place())
    assert left() == []


def test_redirects_are_followed_to_http_on_this_machine_only(server: Server) -> None:
    server.answers = [to("/moved.pth"), good]
    fetch(url(server), place(), KNOWN)
    assert [path for path, _ in server.asked] == ["/weights.pth", "/moved.pth"]


@pytest.mark.parametrize(
    "where",
    ["file:///etc/passwd", "http://example.com/weights.pth", "ftp://example.com/w", "data:,x"],
)
def test_redirects_elsewhere_are_refused(server: Server, where: str) -> None:
    server.answers = [to(where)]
    with pytest.raises(UnsafeFileError, match="which is not https; refused") as told:
        fetch(url(server), place(), KNOWN)
    assert told.value.exit_code == 3
    assert left() == []


def test_https_never_becomes_http() -> None:
    with pytest.raises(UnsafeFileError, match="which is not https"):
        downloads.check_url("http://127.0.0.1/weights.pth", "https://example.com/weights.pth")


def test_redirects_without_end(server: Server) -> None:
    server.answers = [to("/weights.pth")]
    with pytest.raises(DownloadError, match="redirects without end"):
        fetch(url(server), place(), KNOWN)
    assert len(server.asked) <= 11


@pytest.mark.parametrize(
    ("address", "error"),
    [
        ("http://example.com/weights.pth", UnsafeFileError),
        ("file:///etc/passwd", UnsafeFileError),
        ("ftp://example.com/weights.pth", UnsafeFileError),
        ("http://127.0.0.1.example.com/weights.pth", UnsafeFileError),
        ("http://localhost@example.com/weights.pth", UnsafeFileError),
        ("https://example.com/two words.pth", UsageError),
        ("https://[::1/weights.pth", UsageError),
        ("https://example.com/a\r\nHost: b/weights.pth", UsageError),
    ],
)
def test_addresses_that_are_not_fetched(server: Server, address: str, error: type) -> None:
    with pytest.raises(error):
        fetch(address, place())
    assert not cache.home().exists()


def test_messages_keep_passwords_and_keys(server: Server) -> None:
    server.answers = [failing(404)]
    port = server.server_address[1]
    with pytest.raises(DownloadError) as told:
        fetch(f"http://127.0.0.1:{port}/weights.pth?key=secret", place())
    assert "secret" not in str(told.value)
    assert downloads.shown("https://me:secret@example.com/w?key=secret") == "https://example.com/w"


def test_nobody_answers(server: Server) -> None:
    address = url(server)
    server.shutdown()
    server.server_close()
    with pytest.raises(DownloadError, match=r"cannot be fetched \(.*refused.*\); fetch it on"):
        fetch(address, place(), KNOWN)


def test_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERASCNN_HOME", str(tmp_path))
    with pytest.raises(DownloadError, match="no network, or no such host") as told:
        fetch("https://weights.invalid/resnet50.pth", place(), KNOWN)
    assert "https://weights.invalid/resnet50.pth" in str(told.value)
    assert str(tmp_path / "weights" / "zoo" / "weights.pth") in str(told.value)
    assert told.value.exit_code == 6


@pytest.mark.parametrize("announced", [True, False])
def test_a_size_cap(server: Server, announced: bool) -> None:
    def endless(handler: Handler) -> None:
        handler.start(200, 10**15 if announced else None, Connection="close")
        try:
            for _ in range(1000):
                handler.wfile.write(BODY)
        except OSError:
            pass
        handler.drop()

    server.answers = [endless]
    with pytest.raises(DownloadError, match="at most 3,000,000 are accepted"):
        fetch(url(server), place(), largest=3_000_000)
    assert left() == []


def test_a_full_disk_is_told_before(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    room = type("usage", (), {"free": 1000})()
    monkeypatch.setattr(downloads.shutil, "disk_usage", lambda path: room)
    with pytest.raises(OutputError, match="needs 1,048,576 more bytes and 1,000 are free"):
        fetch(url(server), place(), KNOWN)


def test_a_cache_that_everybody_can_write_to(server: Server) -> None:
    cache.home().mkdir()
    cache.home().chmod(0o777)
    with pytest.raises(UnsafeFileError, match=r"everybody can write to .*KERASCNN_HOME"):
        fetch(url(server), place(), KNOWN)
    assert server.asked == []


def test_a_cache_that_cannot_be_written(server: Server) -> None:
    cache.home().write_text("a file")
    with pytest.raises(OutputError, match=r"cannot write to .*KERASCNN_HOME"):
        fetch(url(server), place(), KNOWN)


def test_progress_is_one_line_where_there_is_no_terminal(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    server.answers = [dropping, good]
    fetch(url(server), place(), KNOWN)
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "fetching weights.pth (1.0 MB)\n")


def test_progress_is_a_bar_on_a_terminal(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    server.answers = [dropping, good]
    fetch(url(server), place(), KNOWN)
    told = capsys.readouterr()
    assert told.out == ""
    assert "weights.pth" in told.err
    assert re.search(r"1\.0/1\.0 MB", told.err)
    assert "fetching" not in told.err


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"KERASCNN_HOME": "/a/b"}, "/a/b"),
        ({"XDG_CACHE_HOME": "/x"}, "/x/kerascnn"),
        ({"HOME": "/home/me"}, "/home/me/.cache/kerascnn"),
    ],
)
@pytest.mark.skipif(os.name != "posix" or os.uname().sysname == "Darwin", reason="Linux's places")
def test_home(variables: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KERASCNN_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert cache.home() == Path(expected)
