"""load_data from npz files: exact contents, and every kind of damage or malice named."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from kerascnn.data.load import load_data
from kerascnn.errors import DamagedFileError, DataError, UnsafeFileError
from support.images import images_and_labels


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize(
    "names", ["x_train y_train x_test y_test", "train_images train_labels test_images test_labels"]
)
def test_npz_with_its_own_split(tmp_path, save, names):
    train, test = images_and_labels(9), images_and_labels(6, seed=1)
    path = tmp_path / "m.npz"
    save(path, **dict(zip(names.split(), (*train, *test), strict=True)), other=np.zeros(3))
    data = load_data(f"npz:{path}")
    assert data.fingerprint == load_data((train, test)).fingerprint


@pytest.mark.parametrize("names", ["x y", "images labels"])
def test_npz_to_be_split(tmp_path, names):
    images, labels = images_and_labels()
    path = tmp_path / "m.npz"
    np.savez(
        path, **dict(zip(names.split(), (images, labels), strict=True)), class_names=["a", "b", "ü"]
    )
    data = load_data(f"npz:{path}", seed=3)
    assert data.fingerprint == load_data((images, labels), seed=3).fingerprint
    assert data.class_names == ("a", "b", "ü")


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def write_npz(path: Path, method: int = zipfile.ZIP_DEFLATED, **members: bytes) -> None:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)


Y = npy(images_and_labels()[1])


def header(text: str) -> bytes:
    text = text.ljust(117) + "\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text.encode()


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (b"", "x.npy"),
        (b"not an array", "x.npy"),
        (npy(images_and_labels()[0])[:-3], "365 bytes.*368"),
        (npy(images_and_labels()[0]) + b"123", "371 bytes.*368"),
        (
            header("{'descr': '|u1', 'fortran_order': False, 'shape': (99999999, 9999, 99)}"),
            "declares",
        ),
        (header("{'descr': '|u1', 'fortran_order': False, 'shape': (-2, -3)}") + bytes(6), "x.npy"),
        (header("__import__('os').system('true')"), "x.npy"),
        (b"\x93NUMPY\3\0" + bytes(200), "version"),
    ],
)
def test_damaged_npz_members_are_named(tmp_path, x, words):
    path = tmp_path / "m.npz"
    write_npz(path, x=x, y=Y)
    with pytest.raises(DamagedFileError, match=words) as caught:
        load_data(f"npz:{path}")
    assert str(path) in str(caught.value)


def test_npz_that_is_none_or_cut(tmp_path):
    path = tmp_path / "m.npz"
    np.savez(path, x=images_and_labels()[0], y=images_and_labels()[1])
    content = path.read_bytes()
    for broken in (b"", b"text", content[:-5], content[: len(content) // 2]):
        path.write_bytes(broken)
        with pytest.raises(DamagedFileError, match=r"m\.npz"):
            load_data(f"npz:{path}")
    flipped = bytearray(content)
    flipped[200] ^= 0xFF  # inside the pixels of x, which lie uncompressed
    path.write_bytes(bytes(flipped))
    with pytest.raises(DamagedFileError, match="corrupt"):
        load_data(f"npz:{path}")
    with pytest.raises(DataError, match="does not exist"):
        load_data(f"npz:{tmp_path / 'none.npz'}")


class Payload:
    """Would write a marker if it were unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return (Path.touch, (self.marker,))


def test_pickles_are_refused_unread(tmp_path):
    path, marker = tmp_path / "m.npz", tmp_path / "marker"
    array = np.empty(1, object)
    array[0] = Payload(marker)
    write_npz(path, x=npy(array), y=Y)
    with pytest.raises(UnsafeFileError, match="Python objects"):
        load_data(f"npz:{path}")
    assert not marker.exists()


def test_zip_bombs_doubles_and_odd_methods_are_refused(tmp_path):
    path = tmp_path / "m.npz"
    write_npz(path, x=npy(np.zeros((300, 1024, 1024), np.uint8)), y=Y)
    assert path.stat().st_size < 400_000
    with pytest.raises(UnsafeFileError, match="314,57"):
        load_data(f"npz:{path}")
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("x.npy", "y.npy"):
            archive.writestr(name, Y)
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("x.npy", Y)
    with pytest.raises(UnsafeFileError, match="twice"):
        load_data(f"npz:{path}")
    write_npz(path, zipfile.ZIP_LZMA, x=npy(images_and_labels()[0]), y=Y)
    with pytest.raises(UnsafeFileError, match="unusual"):
        load_data(f"npz:{path}")


def test_npz_without_the_arrays(tmp_path):
    path = tmp_path / "m.npz"
    np.savez(path, a=np.zeros(3), y=np.zeros(3))
    with pytest.raises(DataError, match="holds a, y; needed: x_train"):
        load_data(f"npz:{path}")
