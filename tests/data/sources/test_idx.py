"""load_data from IDX files: exact contents, and every kind of damage or malice named."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from kerascnn.data.load import load_data
from kerascnn.errors import DamagedFileError, DataError, UnsafeFileError
from support.images import images_and_labels


def idx(array: np.ndarray, kind: int = 0x08) -> bytes:
    """An IDX file written from the format's description."""
    sizes = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes([0, 0, kind, array.ndim]) + sizes + array.tobytes()


def write_mnist(folder: Path, *, packed: bool = False, joint: str = "-") -> dict[str, np.ndarray]:
    arrays = {}
    for prefix, count in (("train", 12), ("t10k", 6)):
        images, labels = images_and_labels(count, seed=count)
        for name, array in (("images-idx3", images), ("labels-idx1", labels)):
            content = idx(array)
            stem = f"{prefix}-{name}-ubyte".replace("-idx", f"{joint}idx")
            if packed:
                (folder / f"{stem}.gz").write_bytes(gzip.compress(content))
            else:
                (folder / stem).write_bytes(content)
            arrays[f"{prefix}-{name[:6]}"] = array
    return arrays


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("joint", ["-", "."])
def test_idx_files_give_their_bytes(tmp_path, packed, joint):
    arrays = write_mnist(tmp_path, packed=packed, joint=joint)
    data = load_data(f"idx:{tmp_path}")
    assert np.array_equal(data.train.images[..., 0], arrays["train-images"])
    assert np.array_equal(data.test.images[..., 0], arrays["t10k-images"])
    assert np.array_equal(data.train.labels, arrays["train-labels"])
    assert np.array_equal(data.test.labels, arrays["t10k-labels"])
    assert data.name == f"idx:{tmp_path}"
    assert "12 training and 6 test" in data.split


def test_fingerprint_is_of_the_content(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    write_mnist(tmp_path / "a")
    write_mnist(tmp_path / "b", packed=True)
    prints = [load_data(f"idx:{tmp_path / name}").fingerprint for name in "ab"]
    assert prints[0] == prints[1]
    assert len(prints[0]) == 64
    path = tmp_path / "a" / "train-labels-idx1-ubyte"
    path.write_bytes(path.read_bytes()[:-1] + b"\1")
    assert load_data(f"idx:{tmp_path / 'a'}").fingerprint != prints[0]


GOOD = idx(images_and_labels(12, seed=12)[0])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "starts with nothing"),
        (b"\0\0", "starts with 00 00"),
        (b"\x89PNG" + GOOD[4:], "magic number"),
        (b"\0\0\x07\3" + GOOD[4:], "magic number"),
        (GOOD[:10], "header"),
        (GOOD[:-1], r"255 bytes.*\(12, 5, 4\).*256"),
        (GOOD[:100], "100 bytes"),
        (GOOD + b"\0", "257 bytes"),
        (idx(np.zeros((12, 5), np.uint8)), "images"),
        (idx(np.zeros((11, 5, 4), np.uint8)), "11 images and .*12 labels"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_damaged_idx_files_are_named(tmp_path, content, words, packed):
    write_mnist(tmp_path)
    path = tmp_path / "train-images-idx3-ubyte"
    if packed:
        path.unlink()
        path = path.with_name(path.name + ".gz")
        words = words.replace("255 bytes", "only 239 bytes").replace("256", "240")
        words = words.replace("100 bytes", "only 84 bytes").replace("257", "more than 240")
    path.write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(DamagedFileError, match=words) as caught:
        load_data(f"idx:{tmp_path}")
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_sizes_of_a_header_that_no_machine_could_hold(tmp_path):
    write_mnist(tmp_path)
    path = tmp_path / "train-images-idx3-ubyte"
    content = b"\0\0\x08\3" + struct.pack(">3I", *[2**32 - 1] * 3) + bytes(100)
    path.write_bytes(content)
    with pytest.raises(DamagedFileError, match=r"has 116 bytes.*4294967295"):
        load_data(f"idx:{tmp_path}")
    path.unlink()
    path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(content))
    with pytest.raises(UnsafeFileError, match="would expand"):
        load_data(f"idx:{tmp_path}")


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.99])
def test_truncated_gzip(tmp_path, share):
    write_mnist(tmp_path, packed=True)
    path = tmp_path / "t10k-images-idx3-ubyte.gz"
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(DamagedFileError, match=r"t10k-images-idx3-ubyte\.gz"):
        load_data(f"idx:{tmp_path}")


def test_gzip_with_a_wrong_checksum_or_other_content(tmp_path):
    write_mnist(tmp_path, packed=True)
    path = tmp_path / "train-images-idx3-ubyte.gz"
    content = bytearray(path.read_bytes())
    content[-6] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(DamagedFileError, match="corrupt"):
        load_data(f"idx:{tmp_path}")
    path.write_bytes(GOOD)
    with pytest.raises(DamagedFileError, match="gzip"):
        load_data(f"idx:{tmp_path}")


def test_gzip_bombs_are_bounded_by_the_header(tmp_path):
    write_mnist(tmp_path, packed=True)
    path = tmp_path / "train-images-idx3-ubyte.gz"
    # The header promises 240 bytes and 300 MB follow: only the promised ones are expanded.
    path.write_bytes(gzip.compress(GOOD + bytes(300 * 2**20), 1))
    with pytest.raises(DamagedFileError, match="more than 240 bytes"):
        load_data(f"idx:{tmp_path}")
    huge = b"\0\0\x08\3" + struct.pack(">3I", 300, 1024, 1024)
    path.write_bytes(gzip.compress(huge + bytes(300 * 2**20), 9))
    with pytest.raises(UnsafeFileError, match="314,572,800 bytes"):
        load_data(f"idx:{tmp_path}")


def test_idx_directory_or_file_missing(tmp_path):
    with pytest.raises(DataError, match="no directory"):
        load_data(f"idx:{tmp_path / 'none'}")
    write_mnist(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match=r"no t10k-labels-idx1-ubyte; looked for .*gz"):
        load_data(f"idx:{tmp_path}")
    (tmp_path / "t10k-labels-idx1-ubyte").mkdir()
    with pytest.raises(DataError, match="is a directory"):
        load_data(f"idx:{tmp_path}")
