"""What a download says meanwhile: a bar on a terminal, else one line."""

from __future__ import annotations

import re
import sys

import pytest

from kerascnn.weights.download.fetch import fetch
from support.file_server import (
    KNOWN,
    Server,
    dropping,
    good,
    place,
    url,
)


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
