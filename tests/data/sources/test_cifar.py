"""CIFAR-10 and CIFAR-100: both published forms, written by the test as the archives hold them."""

from __future__ import annotations

import io
import os
import pickle
import pickletools

import numpy as np
import pytest

from kerascnn.data.load import load_data
from kerascnn.errors import DamagedFileError, DataError, UnsafeFileError

NAMES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
BATCHES = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch")


def rows(count: int, seed: int):
    """Rows of 3,072 bytes and labels, with the images that they are."""
    draw = np.random.default_rng(seed)
    images = draw.integers(0, 256, (count, 32, 32, 3), np.uint8)
    red_green_blue = [images[..., channel].reshape(count, 1024) for channel in range(3)]
    return np.concatenate(red_green_blue, axis=1), draw.integers(0, 10, count), images


def binary(folder, fine=None):
    folder.mkdir()
    (folder / "batches.meta.txt").write_text("\n".join(NAMES) + "\n\n")
    for number, name in enumerate(BATCHES):
        pixels, labels, _ = rows(4, number)
        records = zip(labels.tolist(), pixels, strict=True)
        content = b"".join(bytes([label]) + row.tobytes() for label, row in records)
        (folder / f"{name}.bin").write_bytes(content)


def pickled(folder, protocol=2):
    folder.mkdir()
    for number, name in enumerate(BATCHES):
        pixels, labels, _ = rows(4, number)
        record = {
            b"batch_label": b"training batch", b"labels": labels.tolist(), b"data": pixels,
            b"filenames": [b"x.png"] * 4,
        }  # fmt: skip
        (folder / name).write_bytes(pickle.dumps(record, protocol))
    meta = {"label_names": list(NAMES), "num_vis": 3072, "num_cases_per_batch": 4}
    (folder / "batches.meta").write_bytes(pickle.dumps(meta, protocol))


def check(data):
    assert data.class_names == NAMES
    assert (len(data.train), len(data.test), data.image_shape) == (20, 4, (32, 32, 3))
    expected = [rows(4, number) for number in range(6)]
    assert np.array_equal(data.train.images, np.concatenate([item[2] for item in expected[:5]]))
    assert np.array_equal(data.train.labels, np.concatenate([item[1] for item in expected[:5]]))
    assert np.array_equal(data.test.images, expected[5][2])
    assert data.train.images.dtype == np.uint8


def test_both_forms_of_cifar_10_are_the_same_data(tmp_path):
    binary(tmp_path / "cifar-10-batches-bin")
    check(load_data(f"cifar:{tmp_path}"))  # the folder around the archive's own
    pickled(tmp_path / "py")
    data = load_data(f"cifar:{tmp_path / 'py'}")
    check(data)
    assert data.fingerprint == load_data(f"cifar:{tmp_path}").fingerprint


def python_2(record: dict) -> bytes:
    """A pickle as Python 2 wrote the published files: texts and bytes are both SHORT_BINSTRING."""

    def text(value: bytes) -> bytes:
        long = b"T" + len(value).to_bytes(4, "little")
        return (b"U" + bytes([len(value)]) if len(value) < 256 else long) + value

    data = record["data"]
    shape = b"".join(b"M" + size.to_bytes(2, "little") for size in data.shape) + b"\x86"
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\nq\x01cnumpy\nndarray\nq\x02K\x00\x85U\x01b\x87Rq\x03"
        b"(K\x01" + shape + b"cnumpy\ndtype\nq\x04U\x02u1K\x00K\x01\x87Rq\x05"
        b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"
        + text(data.tobytes())
        + b"tb"
    )
    labels = b"](" + b"".join(b"K" + bytes([label]) for label in record["labels"]) + b"e"
    return b"\x80\x02}q\x00(" + text(b"labels") + labels + text(b"data") + array + b"u."


def test_the_published_bytes_of_python_2_are_read(tmp_path):
    pickled(tmp_path / "py")
    for number, name in enumerate(BATCHES):
        pixels, labels, _ = rows(4, number)
        content = python_2({"data": pixels, "labels": labels.tolist()})
        pickletools.dis(content, out=io.StringIO())  # a well-formed pickle
        loaded = pickle.loads(content, encoding="bytes")
        assert np.array_equal(loaded[b"data"], pixels)  # and the one that Python itself reads
        (tmp_path / "py" / name).write_bytes(content)
    check(load_data(f"cifar:{tmp_path / 'py'}"))


def test_cifar_100_gives_its_fine_labels(tmp_path):
    images = {}
    for form in ("binary", "python"):
        folder = tmp_path / form
        folder.mkdir()
        for number, name in enumerate(("train", "test")):
            pixels, _, pictures = rows(6, number)
            images[name] = pictures
            fine, coarse = [5, 99, 0, 7, 7, 1], [1, 2, 3, 4, 5, 6]
            if form == "binary":
                parts = zip(coarse, fine, pixels, strict=True)
                content = b"".join(bytes([c, f]) + row.tobytes() for c, f, row in parts)
                (folder / f"{name}.bin").write_bytes(content)
            else:
                record = {"fine_labels": fine, "coarse_labels": coarse, "data": pixels}
                (folder / name).write_bytes(pickle.dumps(record, 2))
        data = load_data(f"cifar:{folder}")
        assert data.train.labels.tolist() == fine
        assert len(data.class_names) == 100
        assert np.array_equal(data.test.images, images["test"])


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_pickles_of_other_protocols_are_read(tmp_path, protocol):
    pickled(tmp_path / "py", protocol)
    check(load_data(f"cifar:{tmp_path / 'py'}"))


class Hostile:
    def __init__(self, call):
        self.call = call

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", [2, 4])
def test_a_pickle_that_would_run_something_is_refused(tmp_path, protocol):
    pickled(tmp_path / "py")
    marker = tmp_path / "marker"
    for call in ((os.system, (f"touch {marker}",)), (eval, (f"open({str(marker)!r}, 'w')",))):
        record = {b"labels": [0] * 4, b"data": Hostile(call)}
        (tmp_path / "py" / "data_batch_3").write_bytes(pickle.dumps(record, protocol))
        with pytest.raises(UnsafeFileError, match=r"data_batch_3.*asks to run"):
            load_data(f"cifar:{tmp_path / 'py'}")
        assert not marker.exists()


def test_damage_is_told_with_the_file(tmp_path):
    with pytest.raises(DataError, match="holds no CIFAR files"):
        load_data(f"cifar:{tmp_path}")
    binary(tmp_path / "bin")
    batch = tmp_path / "bin" / "data_batch_2.bin"
    batch.write_bytes(batch.read_bytes()[:-1])
    with pytest.raises(DamagedFileError, match=r"data_batch_2\.bin has 12,291 bytes"):
        load_data(f"cifar:{tmp_path / 'bin'}")
    batch.unlink()
    with pytest.raises(DataError, match=r"data_batch_2\.bin does not exist"):
        load_data(f"cifar:{tmp_path / 'bin'}")
    pickled(tmp_path / "py")
    batch = tmp_path / "py" / "test_batch"
    content = batch.read_bytes()
    for broken in (content[: len(content) // 2], b"", b"hello", pickle.dumps([1, 2], 2)):
        batch.write_bytes(broken)
        with pytest.raises((DamagedFileError, UnsafeFileError), match="test_batch"):
            load_data(f"cifar:{tmp_path / 'py'}")
    batch.write_bytes(pickle.dumps({"data": np.zeros((2, 3), np.uint8), "labels": [1, 2]}, 2))
    with pytest.raises(DamagedFileError, match="it must have 'data', N x 3072 bytes"):
        load_data(f"cifar:{tmp_path / 'py'}")
