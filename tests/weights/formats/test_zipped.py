"""Our reader of npz beside NumPy, and arrays that are no weights."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from kerascnn.errors import DamagedFileError, UnsafeFileError
from support.weight_files.reading import NUMBER_TYPES, assert_same_tensors, tensors_of


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_beside_numpy(tmp_path: Path, save: object) -> None:
    arrays = {
        f"{order}{kind}": np.arange(6).astype(f"{order}{kind}").reshape(2, 3)
        for kind in NUMBER_TYPES
        for order in "<>"
    }
    arrays |= {
        "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "scalar": np.array(2.5),
        "empty": np.zeros((0, 3)),
        "bool": np.array([True, False]),
        "a/b.c": np.ones(1),
        "zeros": np.zeros((100, 1000), "f4"),
    }
    save(tmp_path / "x.npz", **arrays)  # type: ignore[operator]
    assert_same_tensors(tensors_of(tmp_path / "x.npz"), arrays)


@pytest.mark.parametrize(
    ("array", "error", "word"),
    [
        (np.array([{}]), UnsafeFileError, "only pickle reads"),
        (np.array(["text"]), DamagedFileError, "describes no numbers"),
        (np.array([1j]), DamagedFileError, "describes no numbers"),
        (np.zeros(2, [("a", "f4")]), DamagedFileError, "describes no numbers"),
    ],
)
def test_arrays_that_are_no_weights(
    tmp_path: Path, array: np.ndarray, error: type[Exception], word: str
) -> None:
    np.savez(tmp_path / "x.npz", ok=np.ones(1), x=array)
    with pytest.raises(error, match=word):
        tensors_of(tmp_path / "x.npz")


@pytest.mark.parametrize(
    "header",
    [
        b"__import__('os').system('x')",
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (__import__('os').getpid(),), }",
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (1e3,), }",
        b"(" * 5000,
        b"-" * 9000 + b"1",
    ],
)
def test_a_header_is_never_evaluated(tmp_path: Path, header: bytes) -> None:
    data = (
        b"\x93NUMPY\x01\x00" + (len(header) + 1).to_bytes(2, "little") + header + b"\n" + bytes(4)
    )
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("x.npy", data)
    with pytest.raises(DamagedFileError, match="describes no numbers"):
        tensors_of(tmp_path / "x.npz")
