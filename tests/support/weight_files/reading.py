"""The tensors of a file as our readers give them, and what they must be."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from kerascnn.weights.formats.checkpoint import open_checkpoint

NUMBER_TYPES = ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"]
"""NumPy's codes of the types that files of weights hold."""


def tensors_of(path: Path) -> dict[str, np.ndarray]:
    """Returns the tensors of a file, by the names that they have there."""
    with open_checkpoint(path) as checkpoint:
        return {name: checkpoint.raw(name) for name in checkpoint.tensors}


def assert_same_tensors(got: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    """Fails unless names, shapes, types and values are equal."""
    assert set(got) == set(expected)
    for name, values in expected.items():
        assert got[name].shape == values.shape
        assert got[name].dtype == values.dtype.newbyteorder("=")
        np.testing.assert_array_equal(got[name], values)
