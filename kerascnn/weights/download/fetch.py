"""Fetching a file over the network: into a private cache, checked, resumed where it broke off.

Only https is spoken (http to this very machine), and what a server redirects to is held to the
same. A file appears under its name when it is complete and its digest is right; until then an older
one of that name stays.
"""

from __future__ import annotations

import http.client
import os
import re
import shutil
import socket
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from http.client import HTTPMessage
from pathlib import Path
from typing import IO

from kerascnn.errors import DamagedFileError, DataError, OutputError, UnsafeFileError, UsageError
from kerascnn.fileio.atomic import atomic_file, put_in_place, sha256_file
from kerascnn.fileio.cache import check_private, make_private, part_of
from kerascnn.fileio.untrusted import named
from kerascnn.version import __version__
from kerascnn.weights.download.digests import Digest, all_known, note_of
from kerascnn.weights.download.progress_bar import Meter

PAUSES = (0.5, 1.0, 2.0, 4.0)
"""Seconds before each further attempt."""
SILENCE = 30.0
"""Seconds without a byte after which a connection counts as dropped."""
LARGEST = 4 * 2**30
"""Bytes that a file may have; the largest published checkpoint here has an eighth."""
BLOCK = 2**18
UNKNOWN = Digest()
LOOPBACK = ("localhost", "127.0.0.1", "::1")
TEMPORARY = (408, 429, 500, 502, 503, 504)
"""Answers of a server that may be another a moment later."""


class DownloadError(DataError):
    """A file could not be fetched; the message says where to put it when it comes another way."""


class _Dropped(Exception):
    """The connection broke; another attempt may succeed."""


def fetch(
    url: str, path: Path, digest: Digest = UNKNOWN, *, largest: int = LARGEST, quiet: bool = False
) -> Path:
    """Downloads a file unless it is there already.

    Args:
        url: https, or http on this machine.
        path: below `cache.home()`. A file that is there, its digest right, costs no request.
        digest: what is published of the content. Beside a fetched file its SHA-256 is kept, so that
            a later change shows also where nothing is published.
        largest: bytes that are accepted.
        quiet: show no progress.

    Returns:
        The path.

    Raises:
        UsageError: this is no URL.
        UnsafeFileError: anything but https, or a cache that everybody can write to.
        DownloadError: there is no network, no such file, or it is too large.
        DamagedFileError: what came is not the file meant. An older file stays.
        OutputError: the cache cannot be written.
    """
    check_url(url)
    check_private(path.parent)
    fault = all_known(path, digest).fault(path) if path.exists() else None
    if path.exists() and fault is None:
        return path
    make_private(path.parent)
    with part_of(path, keep=bool(digest)) as part:
        transfer = _Transfer(url, path, part, largest, bool(digest), fault)
        resumed = part.stat().st_size > 0
        with Meter(path.name, quiet=quiet) as meter:
            transfer.run(meter)
            if resumed and digest.fault(part):  # the part was of another version of the file
                os.truncate(part, 0)
                transfer.run(meter)
        fault = digest.fault(part)
        if fault:
            part.unlink()
            raise DamagedFileError(
                f"{shown(url)} is not the file that was published: {fault}; nothing was kept"
            )
        sha256 = sha256_file(part)
        put_in_place(part, path)
    with atomic_file(note_of(path)) as note:
        note.write_text(f"{sha256}  {path.name}\n", "utf-8")
    return path


def check_url(url: str, before: str | None = None) -> None:
    """Raises UnsafeFileError unless the URL is https, or http on this machine.

    Args:
        url: the address.
        before: the address that redirected to it.

    Raises:
        UsageError: it is no URL.
    """
    try:
        parts = urllib.parse.urlsplit(url)
    except ValueError as error:
        raise UsageError(f"{url[:100]!r} is no URL: {error}") from error
    if not url.isascii() or not url.isprintable() or " " in url:
        raise UsageError(f"{url[:100]!r} is no URL: other letters must be written as %20 and so on")
    here = parts.hostname in LOOPBACK
    secure_before = before is not None and urllib.parse.urlsplit(before).scheme == "https"
    if parts.scheme == "https" or (parts.scheme == "http" and here and not secure_before):
        return
    if before is None:
        raise UnsafeFileError(
            f"{shown(url)} is not fetched; give an https address, or fetch it yourself and give "
            "its path"
        )
    raise UnsafeFileError(f"{shown(before)} redirects to {shown(url)}, which is not https; refused")


def shown(url: str) -> str:
    """Returns a URL for a message: without the parts that may hold a password or a key."""
    parts = urllib.parse.urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


class _Redirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        check_url(newurl, req.full_url)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener(url: str) -> urllib.request.OpenerDirector:
    """Returns what speaks http and https and nothing else; build_opener would read files too."""
    opener = urllib.request.OpenerDirector()
    if urllib.parse.urlsplit(url).hostname not in LOOPBACK:
        opener.add_handler(urllib.request.ProxyHandler())
    for handler in (
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
        _Redirects(),
    ):
        opener.add_handler(handler)
    return opener


@dataclass
class _Transfer:
    """Brings a part to its full length, in as many attempts as `PAUSES` allows.

    Args:
        url: the address.
        path: where the file will lie, for messages.
        part: the file to write.
        largest: bytes that are accepted.
        checked: a digest will tell whether the pieces fit; without one, only the server's own
            word that the file has not changed lets a part be continued.
        fault: of the file that lies in the cache, for messages.
    """

    url: str
    path: Path
    part: Path
    largest: int
    checked: bool
    fault: str | None = None
    tag: str | None = None
    """The server's name for the version of the file that the part is of."""

    def run(self, meter: Meter) -> None:
        for pause in (*PAUSES, None):
            try:
                self._attempt(meter)
                return
            except _Dropped as dropped:
                if pause is None:
                    raise self._missing(f"{dropped}, {len(PAUSES) + 1} times") from dropped
                time.sleep(pause)

    def _missing(self, reason: str) -> DownloadError:
        old = f"the one at {named(self.path)} is damaged ({self.fault}), and " if self.fault else ""
        return DownloadError(
            f"{old}{shown(self.url)} cannot be fetched ({reason[:100]}); fetch it on another "
            f"machine and put it at {named(self.path)}"
        )

    def _attempt(self, meter: Meter) -> None:
        have = self.part.stat().st_size
        if have and not (self.checked or self.tag):
            os.truncate(self.part, 0)
            have = 0
        headers = {"User-Agent": f"kerascnn/{__version__}", "Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
            if self.tag:
                headers["If-Range"] = self.tag
        request = urllib.request.Request(self.url, headers=headers)
        try:
            with _opener(self.url).open(request, timeout=SILENCE) as response:
                self._receive(response, have, meter)
        except urllib.error.HTTPError as error:
            self._refused(error, have)
        except urllib.error.URLError as error:
            if isinstance(error.reason, ConnectionResetError | ConnectionAbortedError):
                raise _Dropped(f"the connection broke: {error.reason}") from error
            unknown = isinstance(error.reason, socket.gaierror)
            reason = "no network, or no such host" if unknown else str(error.reason)
            raise self._missing(reason) from error
        except (ConnectionError, TimeoutError, http.client.HTTPException) as error:
            raise _Dropped(f"the connection broke: {str(error) or 'no answer'}") from error

    def _refused(self, error: urllib.error.HTTPError, have: int) -> None:
        """Tells what an answer other than success means."""
        if error.code == 416 and have:
            size = re.fullmatch(r"bytes \*/(\d+)", error.headers.get("Content-Range", ""))
            if size is not None and int(size[1]) == have:
                return  # the part was complete already
            os.truncate(self.part, 0)
            raise _Dropped("the server has no such part of it") from error
        if 300 <= error.code < 400:  # urllib refused to follow
            check_url(urllib.parse.urljoin(error.url, error.headers.get("Location", "")), self.url)
            raise self._missing("it redirects without end") from error
        if error.code in TEMPORARY:
            raise _Dropped(f"the server answers {error.code} {error.reason}") from error
        raise self._missing(f"the server answers {error.code} {error.reason}") from error

    def _receive(self, response: http.client.HTTPResponse, have: int, meter: Meter) -> None:
        begin = 0
        if response.status == 206:
            found = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
            if found is None or int(found[1]) != have:
                os.truncate(self.part, 0)
                raise _Dropped("the server sent another part than was asked for")
            begin = have
        if response.headers.get_content_type() == "text/html":
            raise self._page()
        tag = response.headers.get("ETag", "")
        self.tag = tag if tag.startswith('"') else None  # a weak one may stand for other bytes
        length = response.headers.get("Content-Length", "")
        total = begin + int(length) if length.isdecimal() else None
        if total is not None:
            self._check_size(total)
            self._check_room(total - begin)
        meter.begin(begin, total)
        with self.part.open("ab") as stream:
            stream.truncate(begin)
            size = self._copy(response, stream, begin, meter)
        if total is not None and size < total:
            raise _Dropped(f"{size:,} of {total:,} bytes came")

    def _copy(
        self, response: http.client.HTTPResponse, stream: IO[bytes], size: int, meter: Meter
    ) -> int:
        while block := response.read(BLOCK):
            if size == 0 and block.lstrip()[:1] == b"<":
                raise self._page()
            size += len(block)
            self._check_size(size)
            try:
                stream.write(block)
            except OSError as error:
                raise OutputError(
                    f"cannot write {named(self.path)} at byte {size:,}: {error.strerror}; make room"
                ) from error
            meter.advance(size)
        return size

    def _page(self) -> DamagedFileError:
        return DamagedFileError(
            f"{shown(self.url)} answers with a web page, not a file of weights; see in a browser "
            f"what it says, and put the file at {named(self.path)}"
        )

    def _check_size(self, size: int) -> None:
        if size > self.largest:
            os.truncate(self.part, 0)
            raise DownloadError(
                f"{shown(self.url)} has {size:,} bytes or more; at most {self.largest:,} are "
                "accepted"
            )

    def _check_room(self, wanted: int) -> None:
        free = shutil.disk_usage(self.part.parent).free
        if wanted > free:
            raise OutputError(
                f"{named(self.path)} needs {wanted:,} more bytes and {free:,} are free; make room, "
                "or set KERASCNN_HOME to a place that has it"
            )
