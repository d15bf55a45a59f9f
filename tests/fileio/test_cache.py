"""The cache of downloads: its place, and who may write to it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kerascnn.errors import OutputError, UnsafeFileError
from kerascnn.fileio import cache
from kerascnn.weights.download.fetch import fetch
from support.file_server import (
    KNOWN,
    Server,
    place,
    url,
)


def test_the_cache_is_private(server: Server) -> None:
    fetch(url(server), place(), KNOWN)
    directories = [cache.home(), cache.home() / "weights", place().parent]
    assert [oct(directory.stat().st_mode & 0o777) for directory in directories] == ["0o700"] * 3
    assert oct(place().stat().st_mode & 0o077) == "0o0"


def test_a_cache_that_everybody_can_write_to(server: Server) -> None:
    cache.home().mkdir()
    cache.home().chmod(0o777)
    with pytest.raises(UnsafeFileError, match=r"all users can write to .*KERASCNN_HOME"):
        fetch(url(server), place(), KNOWN)
    assert server.asked == []


def test_a_cache_that_cannot_be_written(server: Server) -> None:
    cache.home().write_text("a file")
    with pytest.raises(OutputError, match=r"cannot write to .*KERASCNN_HOME"):
        fetch(url(server), place(), KNOWN)


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
