"""Our reader of TensorFlow's checkpoints, beside TensorFlow's own, and on files made to harm it."""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerascnn
from kerascnn.errors import DamagedFileError, DataError, UnsafeFileError
from kerascnn.weights.formats.checkpoint import open_checkpoint
from kerascnn.weights.formats.crc32c import crc32c, unmasked
from kerascnn.weights.formats.tf_checkpoint import index_file
from kerascnn.weights.inspect import inspect
from kerascnn.weights.load import load_weights
from support.weight_files.mutations import mutated
from support.weight_files.other_libraries import as_keras, scrambled, values
from support.weight_files.reading import tensors_of
from support.weight_loads import same

SMALL: dict[str, Any] = {"width": 0.125, "depth": 0.25, "input_shape": (32, 32, 3), "classes": 4}


@pytest.mark.parametrize(
    ("data", "crc"),
    [(b"", 0), (b"123456789", 0xE3069283), (bytes(32), 0x8A9136AA), (b"\xff" * 32, 0x62A8AB43)],
)
def test_crc32c_of_known_bytes(data: bytes, crc: int) -> None:
    """The values of RFC 3720, appendix B.4, and of the CRC catalogue."""
    assert crc32c(data) == crc
    rotated = (crc >> 15 | crc << 17) & 0xFFFFFFFF
    assert unmasked((rotated + 0xA282EAD8) & 0xFFFFFFFF) == crc


@pytest.mark.parametrize("size", [1, 4095, 4096, 4097, 70_001, 2**20 + 3])
def test_crc32c_of_long_data_is_that_of_its_bytes(size: int) -> None:
    data = random.Random(size).randbytes(size)
    crc = 0xFFFFFFFF
    table = [0] * 256
    for byte in range(256):
        entry = byte
        for _ in range(8):
            entry = (entry >> 1) ^ (0x82F63B78 if entry & 1 else 0)
        table[byte] = entry
    for byte in data:
        crc = (crc >> 8) ^ table[(crc ^ byte) & 255]
    assert crc32c(data) == crc ^ 0xFFFFFFFF


def network() -> keras.Sequential:
    """Returns a small model of Keras, whose layers all have names."""
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Conv2D(4, 3, name="conv1"),
            keras.layers.BatchNormalization(name="bn"),
            keras.layers.Flatten(),
            keras.layers.Dense(2, name="predictions"),
        ]
    )


def as_keras_2(path: Path, layers: dict[str, dict[str, np.ndarray]]) -> Path:
    """Writes the objects and names of `save_weights` of Keras 2 in TensorFlow's format."""
    model = tf.train.Checkpoint()
    for number, (_, variables) in enumerate(layers.items()):
        layer = tf.train.Checkpoint()
        for name, array in variables.items():
            setattr(layer, name.rpartition("/")[2], tf.Variable(array, name=name))
        setattr(model, f"layer_with_weights-{number}", layer)
    model.write(str(path))
    return path


@pytest.mark.parametrize("how", ["write", "save", "saved_model", "export", "trained"])
def test_names_and_values_of_every_writer(how: str, tmp_path: Path) -> None:
    model = network()
    path = tmp_path / "model"
    if how == "trained":  # with slots of the optimizer and metrics
        model.compile("adam", "mse", metrics=["mae"])
        model.fit(np.ones((2, 8, 8, 3)), np.ones((2, 2)), verbose=0)
        tf.train.Checkpoint(model=model, optimizer=model.optimizer).write(str(path))
    elif how == "write":
        tf.train.Checkpoint(model).write(str(path))
    elif how == "save":
        path.mkdir()
        tf.train.Checkpoint(net=model).save(str(path / "ckpt"))
    elif how == "saved_model":
        tf.saved_model.save(model, str(path))
    else:
        model.export(str(path), verbose=False)
    scrambled_values = values(model)
    read = tensors_of(path)
    assert set(read) == set(scrambled_values)
    for name, array in scrambled_values.items():
        np.testing.assert_array_equal(read[name], array)


def test_types_and_shapes_beside_tensorflow(tmp_path: Path) -> None:
    arrays: dict[str, Any] = {
        kind: np.arange(6).astype(kind).reshape(3, 2)
        for kind in ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?")
    }
    arrays |= {
        "scalar": np.float32(2.5),
        "empty": np.zeros((0, 3), "f4"),
        "x": np.ones(10**6, "f4"),
    }
    objects = tf.train.Checkpoint(**{f"v{name}": tf.Variable(a) for name, a in arrays.items()})
    objects.bfloat = tf.Variable(tf.constant([1.0, 2.0], tf.bfloat16))
    objects.write(str(tmp_path / "types"))
    read = tensors_of(tmp_path / "types")
    official = tf.train.load_checkpoint(str(tmp_path / "types"))
    for key in official.get_variable_to_shape_map():
        name = key.removesuffix("/.ATTRIBUTES/VARIABLE_VALUE")
        if name in read and name != "bfloat":
            np.testing.assert_array_equal(read[name], official.get_tensor(key))
    assert read["bfloat"].tolist() == [0x3F80, 0x4000]
    assert len(read) == len(arrays) + 1


def test_names_of_tensorflow_1_are_listed(tmp_path: Path) -> None:
    tf.raw_ops.SaveV2(
        prefix=str(tmp_path / "model.ckpt"),
        tensor_names=["MobilenetV1/Conv2d_0/weights", "global_step"],
        shape_and_slices=["", ""],
        tensors=[tf.ones((3, 3, 3, 8)), tf.constant(7, tf.int64)],
    )
    read = tensors_of(tmp_path / "model.ckpt")
    assert {name: array.shape for name, array in read.items()} == {
        "MobilenetV1/Conv2d_0/weights": (3, 3, 3, 8)
    }


def test_a_checkpoint_of_keras_2_loads(tmp_path: Path) -> None:
    model = kerascnn.create_model("resnet50", **SMALL)
    wanted = scrambled(model)
    path = as_keras_2(tmp_path / "resnet50_weights_tf", as_keras(model))
    scrambled(model, "other ")
    report = load_weights(model, path)
    assert (report.layout, report.fraction, report.unexpected) == ("keras", 1.0, ())
    assert same(values(model), wanted)
    # From Python and from the shell, a prefix is a path although no file has that name.
    inspection, error = inspect(path)
    assert error is None
    assert inspection.container == "tensorflow checkpoint"
    assert inspection.sha256 == report.sha256
    assert inspection.size == sum(file.stat().st_size for file in tmp_path.iterdir())


def test_a_saved_model_of_ours_loads(tmp_path: Path) -> None:
    model = kerascnn.create_model("resnet18", **SMALL)
    wanted = scrambled(model)
    tf.saved_model.save(model, str(tmp_path / "saved"))
    scrambled(model, "other ")
    report = load_weights(model, tmp_path / "saved")
    assert (report.layout, report.fraction) == ("kerascnn", 1.0)
    assert same(values(model), wanted)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    tf.train.Checkpoint(network()).write(str(tmp_path / "x"))
    return tmp_path / "x"


def data_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.data-00000-of-00001")


def test_paths_of_a_checkpoint(saved: Path, tmp_path: Path) -> None:
    index = saved.with_name("x.index")
    assert index_file(saved) == index_file(index) == index_file(data_of(saved)) == index
    assert index_file(tmp_path) is None
    assert index_file(tmp_path / "other") is None
    assert index_file("x" * 5000) is None
    state = tmp_path / "checkpoint"
    state.write_text('model_checkpoint_path: "/of/another/machine/x"\n', "utf-8")
    assert index_file(tmp_path) == index
    state.write_text('model_checkpoint_path: "../y"\n', "utf-8")
    with pytest.raises(DataError, match="not in this folder"):
        index_file(tmp_path)
    state.write_text("nothing", "utf-8")
    with pytest.raises(DataError, match="names no checkpoint"):
        index_file(tmp_path)


def test_a_missing_a_linked_and_a_shortened_file_of_values(saved: Path, tmp_path: Path) -> None:
    data = data_of(saved)
    elsewhere = tmp_path / "elsewhere"
    shutil.move(data, elsewhere)
    with pytest.raises(DamagedFileError, match="missing; copy it too"):
        tensors_of(saved)
    data.symlink_to(elsewhere)
    with pytest.raises(UnsafeFileError, match="is a link; copy the file"):
        tensors_of(saved)
    data.unlink()
    data.write_bytes(elsewhere.read_bytes()[:-1])
    with pytest.raises(DamagedFileError, match="truncated or damaged"):
        tensors_of(saved)


def test_every_flipped_bit_is_noticed(saved: Path) -> None:
    """Of 60 bits, a third in the index; only the graph of objects has no checksum of its own."""
    index, data = saved.with_name("x.index"), data_of(saved)
    with open_checkpoint(saved) as checkpoint:
        tensor_bytes = sum(stored.nbytes for stored in checkpoint.tensors.values())
    whole = data.read_bytes()
    graph = whole.index(b"VARIABLE_VALUE") - 200
    draw = random.Random(0)
    for file, size in [(index, index.stat().st_size - 48)] * 20 + [(data, len(whole))] * 40:
        before = file.read_bytes()
        at = draw.randrange(size)
        if file == data and at >= min(graph, tensor_bytes):
            continue
        changed = bytearray(before)
        changed[at] ^= 1 << draw.randrange(8)
        file.write_bytes(changed)
        with pytest.raises((DamagedFileError, UnsafeFileError)):
            tensors_of(saved)
        file.write_bytes(before)


@pytest.mark.parametrize("ending", [".index", ".data-00000-of-00001"])
def test_fuzzed_files_are_read_or_refused(
    ending: str, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without comparing checksums, so that the parsers of index and graph see the changes."""
    for module in ("sorted_table", "tf_checkpoint"):
        monkeypatch.setattr(f"kerascnn.weights.formats.{module}.crc32c", lambda data: 0)
        monkeypatch.setattr(f"kerascnn.weights.formats.{module}.unmasked", lambda stored: 0)
    file = saved.with_name(f"x{ending}")
    before, draw = file.read_bytes(), random.Random(1)
    keep = len(before) - (8 if ending == ".index" else 0)
    begin = 0 if ending == ".index" else before.index(b"VARIABLE_VALUE") - 400
    refused = 0
    for _ in range(1500):
        changed = before[:begin] + mutated(before[begin:keep], draw) + before[keep:]
        file.write_bytes(changed[: len(before)].ljust(len(before), b"\0") if begin else changed)
        try:
            with open_checkpoint(saved) as checkpoint:
                list(checkpoint.tensors)
        except (DamagedFileError, UnsafeFileError) as error:
            refused += 1
            text = str(error)
            assert len(text) <= 400, text
            assert "\n" not in text, text
            assert str(saved) in text
    assert refused > 300


def test_huge_claims_are_refused(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = saved.with_name("x.index")
    before = index.read_bytes()
    with open(index, "r+b") as stream:
        stream.truncate(2**30)
        stream.seek(2**30 - 48)
        stream.write(before[-48:])
    with pytest.raises(UnsafeFileError, match="an index has at most"):
        tensors_of(index)
    index.write_bytes(before)
    monkeypatch.setattr("kerascnn.weights.formats.sorted_table.MAXIMUM_ENTRIES", 3)
    with pytest.raises(UnsafeFileError, match="more than 3 entries"):
        tensors_of(index)
