"""Faults while weights are read and assigned: the model has all the old values, or all the new."""

from __future__ import annotations

import contextlib
import itertools
import os
from pathlib import Path

import keras
import numpy as np
import pytest

from kerascnn.weights import assign
from kerascnn.weights.formats.checkpoint import Checkpoint
from kerascnn.weights.load import load_weights
from support.weight_files.other_libraries import values
from support.weight_loads import Unchanged, changed, refused, resnet, same, wanted


@pytest.fixture
def model() -> keras.Model:
    return resnet()


class Injected(Exception):
    pass


@pytest.mark.parametrize("error", [Injected, KeyboardInterrupt, MemoryError])
def test_a_fault_at_every_assignment(
    tmp_path: Path,
    model: keras.Model,
    monkeypatch: pytest.MonkeyPatch,
    error: type[BaseException],
) -> None:
    """Whichever assignment fails, before or after it took place, the old values are back."""
    path = changed(tmp_path)
    count = len(model.weights)
    original = assign.put
    left, early = 0, False

    def put(variable: keras.Variable, array: np.ndarray) -> None:
        nonlocal left
        left -= 1
        if left == 0 and early:
            raise error
        original(variable, array)
        if left == 0:
            raise error

    monkeypatch.setattr(assign, "put", put)
    places = range(1, count + 1) if error is Injected else (1, count // 2, count)
    for place, first in itertools.product(places, (True, False)):
        left, early = place, first
        with Unchanged(model), pytest.raises(error):
            load_weights(model, path)
    left = count + 1
    load_weights(model, path)
    assert left == 1
    monkeypatch.undo()  # what is wanted comes from a model that is assigned to, too
    assert same(values(model), wanted())


def test_a_file_that_is_written_to_while_it_is_read(
    tmp_path: Path, model: keras.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = changed(tmp_path)
    raw = Checkpoint.raw

    def touched(self: Checkpoint, name: str) -> np.ndarray:
        os.utime(path, ns=(1, 1))
        return raw(self, name)

    monkeypatch.setattr(Checkpoint, "raw", touched)
    assert "changed while it was read; load it again" in str(refused(model, path))


def test_a_file_that_shrinks_while_it_is_read(
    tmp_path: Path, model: keras.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mapped into memory, it would end the process."""
    path = changed(tmp_path)
    raw = Checkpoint.raw

    def cut(self: Checkpoint, name: str) -> np.ndarray:
        os.truncate(path, 100)
        return raw(self, name)

    monkeypatch.setattr(Checkpoint, "raw", cut)
    assert "became shorter while it was read" in str(refused(model, path))


def test_a_path_that_is_given_to_another_file(
    tmp_path: Path,
    model: keras.Model,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was checked is what is read: the file stays open from the first byte to the last."""
    path = changed(tmp_path)
    evil = tmp_path / "evil"
    evil.write_bytes(b"evil")
    raw = Checkpoint.raw

    def swapped(self: Checkpoint, name: str) -> np.ndarray:
        with contextlib.suppress(FileNotFoundError):  # the second time
            os.replace(evil, path)
        return raw(self, name)

    monkeypatch.setattr(Checkpoint, "raw", swapped)
    load_weights(model, path)
    assert same(values(model), wanted())
