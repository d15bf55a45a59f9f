"""The errors of kerascnn: one class for each documented exit code of the command.

A message says in one line what was got, what is allowed and what to do. The command prints it and
exits with the class's `exit_code`; Python code catches the class.
"""

from __future__ import annotations


class KerasCNNError(Exception):
    """Base of every error that kerascnn raises on purpose."""

    exit_code = 1


class UsageError(KerasCNNError, ValueError):
    """An argument is unknown or out of range (exit code 2)."""

    exit_code = 2


class UnsafeFileError(KerasCNNError):
    """A file was refused because reading it could run code or exhaust the machine (exit code 3)."""

    exit_code = 3


class DamagedFileError(KerasCNNError):
    """A file is truncated, corrupt or not of the format it claims (exit code 4)."""

    exit_code = 4


class MismatchError(KerasCNNError, ValueError):
    """Things that must fit do not: image shape, class count, weights (exit code 5)."""

    exit_code = 5


class DataError(KerasCNNError, ValueError):
    """A data set is missing, empty or holds values that cannot be used (exit code 6)."""

    exit_code = 6


class DivergedError(KerasCNNError):
    """Training produced a value that is not finite (exit code 7)."""

    exit_code = 7


class OutputError(KerasCNNError, OSError):
    """A result cannot be written: no permission, no space, or it would overwrite (exit code 8)."""

    exit_code = 8


class Interrupted(KerasCNNError):
    """The user stopped a job; what was finished is kept and named (exit code 75)."""

    exit_code = 75
