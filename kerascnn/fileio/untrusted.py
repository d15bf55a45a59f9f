"""Safe reading of untrusted files: regular files only, bounded size, bounded decompression."""

from __future__ import annotations

import contextlib
import io
import os
import stat
from collections.abc import Iterator

from kerascnn.errors import DamagedFileError, DataError, KerasCNNError, UnsafeFileError

# Photographs and digits compress 2 to 10 times; the limit of deflate is 1032. A large file with a
# far higher ratio than an image was made to exhaust memory.
EXPANSION_LIMIT = 200
EXPANSION_FREE_BYTES = 64 * 2**20

_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


@contextlib.contextmanager
def open_regular(
    path: str | os.PathLike[str], *, limit: int | None = None
) -> Iterator[io.BufferedReader]:
    """Opens a regular file for reading; the checks apply to the file that is open.

    Args:
        path: the file; a link is followed.
        limit: the largest size that is accepted, in bytes; None accepts any.

    Raises:
        DataError: there is no such file, it may not be read, it is a directory, a pipe or a device,
            or it is larger than `limit`.
    """
    # Without O_NONBLOCK, opening a pipe that has no writer would wait for ever.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags)
    except FileNotFoundError as error:
        reason = "is a link to a missing file" if os.path.islink(path) else "does not exist"
        raise DataError(f"{named(path)} {reason}; check the path") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{named(path)!r} cannot be opened: {reason}") from error
    status, fault = os.fstat(descriptor), ""
    if not stat.S_ISREG(status.st_mode):
        kind = next((name for test, name in _KINDS if test(status.st_mode)), "something else")
        fault = f"is {kind}; a regular file is needed"
    elif limit is not None and status.st_size > limit:
        fault = f"has {status.st_size:,} bytes; at most {limit:,} are accepted"
    if fault:
        os.close(descriptor)
        raise DataError(f"{named(path)} {fault}")
    with os.fdopen(descriptor, "rb") as stream:
        yield stream


def check_expansion(name: str, declared: int, compressed: int) -> None:
    """Raises for compressed content that declares far more bytes than real images expand to.

    Args:
        name: the file, or the file and its member, for the message.
        declared: bytes after decompression, from the file's header.
        compressed: bytes before decompression.

    Raises:
        UnsafeFileError: `declared` is large and more than 200 times `compressed`.
    """
    if declared > EXPANSION_FREE_BYTES and declared > EXPANSION_LIMIT * max(compressed, 1):
        raise UnsafeFileError(
            f"{name} would expand from {compressed:,} to {declared:,} bytes, more than "
            f"{EXPANSION_LIMIT} times; if you trust it, store it uncompressed"
        )


def named(path: str | os.PathLike[str]) -> str:
    """Returns a path for a message: on one line, printable, only its end when it is long."""
    text = "".join(letter if letter.isprintable() else "?" for letter in os.fspath(path))
    return text if len(text) <= 120 else f"…{text[-119:]}"


def quoted(name: str) -> str:
    """Returns a name from a file for a message: quoted, printable, at most 64 characters."""
    return ascii(name) if len(ascii(name)) <= 64 else f"{ascii(name)[:60]}…'"


@contextlib.contextmanager
def reading(what: str) -> Iterator[None]:
    """Raises a DamagedFileError for any exception of a decoder inside the block.

    Args:
        what: the file and the likely fault, as in "a.png is truncated or corrupt"; the decoder's
            message follows on the same line.
    """
    try:
        yield
    except (KerasCNNError, MemoryError):
        raise
    except Exception as error:  # Hostile bytes can raise any class of exception.
        words = " ".join(str(error).split())[:160] or type(error).__name__
        raise DamagedFileError(f"{what}: {words}") from error
