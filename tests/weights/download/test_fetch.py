"""Downloads, against a server on this machine: answers of every kind, addresses, resuming."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kerascnn.errors import DamagedFileError, OutputError, UnsafeFileError, UsageError
from kerascnn.fileio import cache
from kerascnn.weights.download import fetch as downloads
from kerascnn.weights.download.digests import Digest
from kerascnn.weights.download.fetch import DownloadError, fetch
from support.file_server import (
    BODY,
    HALF,
    KNOWN,
    MD5,
    SHA256,
    Handler,
    Server,
    dropping,
    failing,
    good,
    left,
    place,
    to,
    url,
    without_range,
)


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
    message = r"524,288 of 1,048,576 bytes were received, 5 times.*put it at .*weights\.pth$"
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
