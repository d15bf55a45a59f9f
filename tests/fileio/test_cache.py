"""The cache of downloads: its place, who may write to it, room in it, what is said meanwhile."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from kerascnn.errors import OutputError, UnsafeFileError
from kerascnn.fileio import cache
from kerascnn.weights.download import fetch as downloads
from kerascnn.weights.download.fetch import DownloadError, fetch
from support.file_server import (
    BODY,
    KNOWN,
    Handler,
    Server,
    dropping,
    good,
    left,
    place,
    url,
)


def test_the_cache_is_private(server: Server) -> None:
    fetch(url(server), place(), KNOWN)
    directories = [cache.home(), cache.home() / "weights", place().parent]
    assert [oct(one.stat().st_mode & 0o777) for one in directories] == ["0o700"] * 3
    assert oct(place().stat().st_mode & 0o077) == "0o0"


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
