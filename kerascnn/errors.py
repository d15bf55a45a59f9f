"""The errors of kerascnn: one class for each documented exit code of the command.

A message is one line: the wrong value, what is allowed, and what to do. The command prints the
message and exits with the class's `exit_code`; Python code catches the class.
"""

from __future__ import annotations


class KerasCNNError(Exception):
    """Base of every error that kerascnn raises on purpose."""

    exit_code = 1


class UsageError(KerasCNNError, ValueError):
    """An argument is unknown or out of range (exit code 2)."""

    exit_code = 2


class UnsafeFileError(KerasCNNError):
    """Reading a file could run code or exhaust the memory, so it was refused (exit code 3)."""

    exit_code = 3


class DamagedFileError(KerasCNNError):
    """A file is truncated or corrupt (exit code 4)."""

    exit_code = 4


class FormatError(DamagedFileError):
    """A file is of another format than expected, and may be sound (exit code 4)."""


class MismatchError(KerasCNNError, ValueError):
    """Model, data or weights do not fit: image shape, number of classes, tensors (exit code 5)."""

    exit_code = 5


class DataError(KerasCNNError, ValueError):
    """A data set is missing, empty or holds values that cannot be used (exit code 6)."""

    exit_code = 6


class DivergedError(KerasCNNError):
    """A training produced a value that is not finite (exit code 7)."""

    exit_code = 7


class OutputError(KerasCNNError, OSError):
    """A result cannot be written: no permission, no space, or a file exists (exit code 8)."""

    exit_code = 8


class Interrupted(KerasCNNError):
    """The user stopped a job; the message names the results that are kept (exit code 75)."""

    exit_code = 75
