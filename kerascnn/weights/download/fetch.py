"""Downloads a file into a private cache, checks its digest, and resumes interrupted downloads.

Only https addresses are allowed (and http on this machine), also after a redirect. The file gets
its name when it is complete and its digest is correct; until then an older file is kept.
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
from kerascnn.weights.download.digests import Digest, digest_file, with_digest_beside
from kerascnn.weights.download.progress_bar import Meter

PAUSES = (0.5, 1.0, 2.0, 4.0)
"""Seconds to wait before each further attempt."""
SILENCE = 30.0
"""Seconds without a byte after which a connection counts as broken."""
LARGEST = 4 * 2**30
"""Largest size of a file, in bytes; the largest published checkpoint has an eighth of it."""
BLOCK = 2**18
"""Bytes that are received at once."""
UNKNOWN = Digest()
LOOPBACK = ("localhost", "127.0.0.1", "::1")
TEMPORARY = (408, 429, 500, 502, 503, 504)
"""Status codes after which another attempt may succeed."""


class DownloadError(DataError):
    """A file could not be downloaded; the message says where to put it by hand."""


class _Dropped(Exception):
    """An attempt failed, and another attempt may succeed."""


def fetch(
    url: str, path: Path, digest: Digest = UNKNOWN, *, largest: int = LARGEST, quiet: bool = False
) -> Path:
    """Downloads a file, unless it exists and has the right digest.

    Args:
        url: an https address, or an http address on this machine.
        path: where to store the file, below `cache.home()`.
        digest: the published digest, if any. The SHA-256 of a downloaded file is stored beside it,
            so that a later change of the file is detected even if no digest is published.
        largest: largest size that is accepted, in bytes.
        quiet: whether to show no progress.

    Returns:
        The path.

    Raises:
        UsageError: the URL is not valid.
        UnsafeFileError: the address is not https, or other users can write to the cache.
        DownloadError: there is no network, the file does not exist, or it is too large.
        DamagedFileError: the downloaded file has another digest. An older file is kept.
        OutputError: the cache cannot be written.
    """
    check_url(url)
    check_private(path.parent)
    fault = with_digest_beside(path, digest).fault(path) if path.exists() else None
    if path.exists() and fault is None:
        return path
    make_private(path.parent)
    with part_of(path, keep=bool(digest)) as part:
        transfer = _Transfer(url, path, part, largest, bool(digest), fault)
        resumed = part.stat().st_size > 0
        with Meter(path.name, quiet=quiet) as meter:
            transfer.run(meter)
            if resumed and digest.fault(part):  # the first bytes were of another version
                os.truncate(part, 0)
                transfer.run(meter)
        fault = digest.fault(part)
        if fault:
            part.unlink()
            raise DamagedFileError(
                f"{shown(url)} is not the file that was published: {fault}; the download was "
                "deleted"
            )
        sha256 = sha256_file(part)
        put_in_place(part, path)
    with atomic_file(digest_file(path)) as temporary:
        temporary.write_text(f"{sha256}  {path.name}\n", "utf-8")
    return path


def check_url(url: str, before: str | None = None) -> None:
    """Raises UnsafeFileError unless the URL is https, or http on this machine.

    Args:
        url: the address.
        before: the address that redirected to it; None without a redirect.

    Raises:
        UsageError: the URL is not valid.
    """
    try:
        parts = urllib.parse.urlsplit(url)
    except ValueError as error:
        raise UsageError(f"{url[:100]!r} is not a valid URL: {error}") from error
    if not url.isascii() or not url.isprintable() or " " in url:
        raise UsageError(
            f"{url[:100]!r} is not a valid URL: spaces and non-ASCII characters must be written "
            "as %20 and so on"
        )
    here = parts.hostname in LOOPBACK
    secure_before = before is not None and urllib.parse.urlsplit(before).scheme == "https"
    if parts.scheme == "https" or (parts.scheme == "http" and here and not secure_before):
        return
    if before is None:
        raise UnsafeFileError(
            f"{shown(url)} is not an https address; give one, or download the file yourself and "
            "give its path"
        )
    raise UnsafeFileError(f"{shown(before)} redirects to {shown(url)}, which is not https; refused")


def shown(url: str) -> str:
    """Returns a URL for a message, without the parts that may contain a password or a key."""
    parts = urllib.parse.urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirect if `check_url` accepts its target."""

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
    """Returns an opener for http and https only; urllib's `build_opener` supports files too."""
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
    """Downloads the bytes that a partial file lacks, in up to `len(PAUSES) + 1` attempts.

    Args:
        url: the address.
        path: the final path of the file, for messages.
        part: the partial file.
        largest: largest size that is accepted, in bytes.
        checked: whether a digest is known. Without one, a partial file is resumed only if the
            server confirms that its file has not changed.
        fault: what is wrong with the existing file, for messages; None if there is none.
        tag: the server's tag (ETag) for the version of the file that `part` is of, if known.
    """

    url: str
    path: Path
    part: Path
    largest: int
    checked: bool
    fault: str | None = None
    tag: str | None = None

    def run(self, meter: Meter) -> None:
        """Downloads the rest of the file; raises DownloadError after the last attempt."""
        for pause in (*PAUSES, None):
            try:
                self._attempt(meter)
                return
            except _Dropped as dropped:
                if pause is None:
                    raise self._missing(f"{dropped}, {len(PAUSES) + 1} times") from dropped
                time.sleep(pause)

    def _missing(self, reason: str) -> DownloadError:
        """Returns the error for a file that cannot be downloaded, with advice."""
        old = ""
        if self.fault:
            old = f"the file at {named(self.path)} is damaged ({self.fault}), and "
        return DownloadError(
            f"{old}{shown(self.url)} cannot be fetched ({reason[:100]}); fetch it on another "
            f"computer and put it at {named(self.path)}"
        )

    def _attempt(self, meter: Meter) -> None:
        """Requests the bytes that are missing; raises _Dropped if another attempt may succeed."""
        size = self.part.stat().st_size
        if size and not (self.checked or self.tag):
            os.truncate(self.part, 0)
            size = 0
        headers = {"User-Agent": f"kerascnn/{__version__}", "Accept-Encoding": "identity"}
        if size:
            headers["Range"] = f"bytes={size}-"
            if self.tag:
                headers["If-Range"] = self.tag
        request = urllib.request.Request(self.url, headers=headers)
        try:
            with _opener(self.url).open(request, timeout=SILENCE) as response:
                self._receive(response, size, meter)
        except urllib.error.HTTPError as error:
            self._raise_for_status(error, size)
        except urllib.error.URLError as error:
            if isinstance(error.reason, ConnectionResetError | ConnectionAbortedError):
                raise _Dropped(f"the connection broke: {error.reason}") from error
            unknown = isinstance(error.reason, socket.gaierror)
            reason = "no network, or no such host" if unknown else str(error.reason)
            raise self._missing(reason) from error
        except (ConnectionError, TimeoutError, http.client.HTTPException) as error:
            raise _Dropped(f"the connection broke: {str(error) or 'no answer'}") from error

    def _raise_for_status(self, error: urllib.error.HTTPError, have: int) -> None:
        """Raises the error for a status code, unless it says that the file is complete.

        Args:
            error: the server's answer.
            have: size of the partial file, in bytes.
        """
        if error.code == 416 and have:
            total = re.fullmatch(r"bytes \*/(\d+)", error.headers.get("Content-Range", ""))
            if total is not None and int(total[1]) == have:
                return  # the partial file was complete
            os.truncate(self.part, 0)
            raise _Dropped("the server does not have the requested part of the file") from error
        if 300 <= error.code < 400:  # urllib did not follow the redirect
            check_url(urllib.parse.urljoin(error.url, error.headers.get("Location", "")), self.url)
            raise self._missing("it redirects without end") from error
        if error.code in TEMPORARY:
            raise _Dropped(f"the server answers {error.code} {error.reason}") from error
        raise self._missing(f"the server answers {error.code} {error.reason}") from error

    def _receive(self, response: http.client.HTTPResponse, have: int, meter: Meter) -> None:
        """Appends a successful answer to the partial file, which has `have` bytes."""
        begin = 0
        if response.status == 206:
            match = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
            if match is None or int(match[1]) != have:
                os.truncate(self.part, 0)
                raise _Dropped("the server sent another part of the file than requested")
            begin = have
        if response.headers.get_content_type() == "text/html":
            raise self._web_page()
        tag = response.headers.get("ETag", "")
        self.tag = tag if tag.startswith('"') else None  # a weak tag does not identify the bytes
        length = response.headers.get("Content-Length", "")
        total = begin + int(length) if length.isdecimal() else None
        if total is not None:
            self._check_size(total)
            self._check_free_space(total - begin)
        meter.begin(begin, total)
        with self.part.open("ab") as stream:
            stream.truncate(begin)
            size = self._copy(response, stream, begin, meter)
        if total is not None and size < total:
            raise _Dropped(f"only {size:,} of {total:,} bytes were received")

    def _copy(
        self, response: http.client.HTTPResponse, stream: IO[bytes], size: int, meter: Meter
    ) -> int:
        """Writes the answer to the stream, and returns the size of the file then."""
        while block := response.read(BLOCK):
            if size == 0 and block.lstrip()[:1] == b"<":
                raise self._web_page()
            size += len(block)
            self._check_size(size)
            try:
                stream.write(block)
            except OSError as error:
                raise OutputError(
                    f"cannot write {named(self.path)} at byte {size:,}: {error.strerror}; free "
                    "some space on the disk"
                ) from error
            meter.advance(size)
        return size

    def _web_page(self) -> DamagedFileError:
        return DamagedFileError(
            f"{shown(self.url)} answers with a web page, not a file of weights; open it in a "
            f"browser, download the file there and put it at {named(self.path)}"
        )

    def _check_size(self, size: int) -> None:
        if size > self.largest:
            os.truncate(self.part, 0)
            raise DownloadError(
                f"{shown(self.url)} has {size:,} bytes or more; at most {self.largest:,} are "
                "accepted"
            )

    def _check_free_space(self, needed: int) -> None:
        free = shutil.disk_usage(self.part.parent).free
        if needed > free:
            raise OutputError(
                f"{named(self.path)} needs {needed:,} more bytes and {free:,} are free; free some "
                "space, or set KERASCNN_HOME to a folder on a larger disk"
            )
