"""What a pickle may call: the package's own functions alone."""

from __future__ import annotations

from kerascnn.fileio.pickle_machine import CALLS


def test_nothing_that_may_be_called_is_a_name_of_python() -> None:
    """What a file may name leads to this package's own functions and to no import."""
    for call in CALLS.values():
        assert call.__module__ == "kerascnn.fileio.pickle_machine"
