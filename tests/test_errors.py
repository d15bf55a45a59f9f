"""Errors carry the documented exit codes."""

from __future__ import annotations

import pytest

from kerascnn import errors


@pytest.mark.parametrize(
    ("error", "code", "builtin"),
    [
        (errors.KerasCNNError, 1, Exception),
        (errors.UsageError, 2, ValueError),
        (errors.UnsafeFileError, 3, Exception),
        (errors.DamagedFileError, 4, Exception),
        (errors.MismatchError, 5, ValueError),
        (errors.DataError, 6, ValueError),
        (errors.DivergedError, 7, Exception),
        (errors.OutputError, 8, OSError),
        (errors.Interrupted, 75, Exception),
    ],
)
def test_exit_codes(error: type[errors.KerasCNNError], code: int, builtin: type) -> None:
    assert error.exit_code == code
    assert issubclass(error, errors.KerasCNNError)
    assert issubclass(error, builtin)
    assert str(error("one line")) == "one line"


def test_every_error_has_its_own_code() -> None:
    classes = errors.KerasCNNError.__subclasses__()
    assert len({label.exit_code for label in classes}) == len(classes)
