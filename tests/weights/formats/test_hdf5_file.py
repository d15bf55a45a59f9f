"""Our readers of HDF5, npz, safetensors and ONNX beside the libraries that wrote the files."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import h5py
import keras
import ml_dtypes
import numpy as np
import onnx
import pytest
import safetensors.numpy
from onnx import helper, numpy_helper

from kerascnn.errors import DamagedFileError, UnsafeFileError
from kerascnn.weights.formats.byte_range import Region
from kerascnn.weights.formats.checkpoint import open_checkpoint
from kerascnn.weights.formats.hdf5_format import Hdf5
from support.weight_files.keras_files import write_keras2

TYPES = ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"]


def values_of(path: Path) -> dict[str, np.ndarray]:
    with open_checkpoint(path) as checkpoint:
        return {name: checkpoint.raw(name) for name in checkpoint.tensors}


def assert_same(found: dict[str, np.ndarray], wanted: dict[str, np.ndarray]) -> None:
    assert set(found) == set(wanted)
    for name, values in wanted.items():
        assert found[name].shape == values.shape
        assert found[name].dtype == values.dtype.newbyteorder("=")
        np.testing.assert_array_equal(found[name], values)


def walk(file: Hdf5, address: int, path: str = "") -> dict[str, np.ndarray]:
    node = file.node(address)
    if node.array is not None:
        array = node.array
        flat = array.place.array(
            array.type.name, np.prod(array.shape, dtype=int), 0, array.type.order
        )
        return {path: flat.reshape(array.shape)}
    found = {}
    for name, one in node.members.items():
        found.update(walk(file, one, f"{path}/{name}"))
    return found


@pytest.mark.parametrize("libver", ["earliest", "v108", "v110", "latest"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_hdf5_beside_h5py(tmp_path: Path, libver: str, order: str) -> None:
    """Every type, shape and depth; groups of the old form (a tree) and of the new one (links)."""
    random = np.random.default_rng(1)
    path = tmp_path / "x.h5"
    with h5py.File(path, "w", libver=libver) as file:
        for number, kind in enumerate(TYPES):  # more than 8 links would be a dense table
            shape = [(), (1,), (3,), (2, 3), (2, 0), (1, 2, 3, 4)][number % 6]
            data = random.integers(0, 100, shape).astype(f"{order}{kind}")
            file.create_dataset(f"types{number // 8}/{kind}", data=data)
        file["deep/er/est"] = np.array([True, False])
        if libver == "earliest":
            for number in range(300):  # 38 tables below two levels of the tree
                file[f"many/layer_{number}"] = np.float32(number)
    with path.open("rb") as stream:
        reader = Hdf5(Region(stream.fileno(), 0, path.stat().st_size))
        found = walk(reader, reader.root)
    wanted: dict[str, np.ndarray] = {}
    with h5py.File(path) as file:

        def keep(name: str, one: object) -> None:
            if isinstance(one, h5py.Dataset):
                wanted[f"/{name}"] = one[()]

        file.visititems(keep)
    assert_same(found, {name: np.asarray(one) for name, one in wanted.items()})
    assert len(found) == len(TYPES) + 1 + (300 if libver == "earliest" else 0)


def test_texts_of_hdf5_beside_h5py(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    long = "é" * 30_000
    with h5py.File(path, "w") as file:
        file.attrs["fixed"] = np.array([b"a", b"bcd", b""])
        file.attrs["variable"] = np.array(["é", "", "xyz" * 100], dtype=h5py.string_dtype())
        file.attrs["one"] = "text"
        file.attrs["long"] = long
        file.attrs["none"] = np.array([])
        for number in range(40):  # more than one block of the header holds
            file.attrs[f"a{number}"] = f"value {number}"
    with path.open("rb") as stream:
        reader = Hdf5(Region(stream.fileno(), 0, path.stat().st_size))
        root = reader.node(reader.root)
        texts = {name: reader.texts(one) for name, one in root.attributes.items()}
    assert texts["fixed"] == ["a", "bcd", ""]
    assert texts["variable"] == ["é", "", "xyz" * 100]
    assert texts["one"] == ["text"]
    assert texts["long"] == [long]
    assert texts["none"] == []
    assert all(texts[f"a{number}"] == [f"value {number}"] for number in range(40))


def small() -> keras.Model:
    image = keras.Input((5, 5, 3))
    x = keras.layers.Conv2D(4, 3, name="conv")(image)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.Dropout(0.5, seed=1)(x)
    x = keras.layers.RandomFlip(seed=2)(x)
    x = keras.layers.Flatten()(x)
    return keras.Model(image, keras.layers.Dense(2, name="fc")(x))


def test_files_of_keras(tmp_path: Path) -> None:
    """Weights, with an optimizer's beside them; a whole model in both containers."""
    model = small()
    model.compile("adam", "mse")
    model.fit(np.ones((2, 5, 5, 3)), np.ones((2, 2)), verbose=0)
    model.save_weights(tmp_path / "x.weights.h5")
    model.save(tmp_path / "x.keras")
    model.save(tmp_path / "x.h5")
    named = {f"{one.path.split('/')[-2]}/{one.name}": np.asarray(one) for one in model.weights}
    assert_same(values_of(tmp_path / "x.h5"), named)
    numbered = {}
    for name, values in named.items():
        layer = name.split("/")[0]
        index = sum(one.startswith(f"{layer}/") for one in numbered)
        numbered[f"{layer}/{index}"] = values
    assert_same(values_of(tmp_path / "x.weights.h5"), numbered)
    assert_same(values_of(tmp_path / "x.keras"), numbered)


def test_bfloat16_of_keras(tmp_path: Path) -> None:
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(2, name="fc", dtype="bfloat16")]
    )
    model.save_weights(tmp_path / "x.weights.h5")
    model.save(tmp_path / "x.h5")
    kernel = np.asarray(model.get_layer("fc").kernel)
    for name, key in (("x.weights.h5", "fc/0"), ("x.h5", "fc/kernel")):
        with open_checkpoint(tmp_path / name) as checkpoint:
            assert checkpoint.tensors[key].dtype == "bfloat16"
            np.testing.assert_array_equal(checkpoint.raw(key).view(ml_dtypes.bfloat16), kernel)


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("limit", [64512, 100])
@pytest.mark.parametrize("suffix", [":0", ""])
def test_files_of_keras_2(tmp_path: Path, whole: bool, limit: int, suffix: str) -> None:
    """Names in lists, split when they are long; layers without weights; models as layers."""
    layers = {
        "conv1": {"conv1/kernel": np.ones((3, 3, 1, 2), "f4"), "conv1/bias": np.zeros(2, "f4")},
        "flatten": {},
        # A name scope that was taken twice: the layer's name counts.
        "fc": {"fc_1/kernel": np.ones((2, 2), "f4"), "fc_1/bias": np.ones(2, "f4")},
        "backbone": {
            "stem/kernel": np.full((1, 1), 3.0),
            "norm/gamma": np.full(1, 4.0),
            "outer/norm2/gamma": np.full(1, 5.0),
        },
        **{f"block{number}": {f"block{number}/kernel": np.ones(1)} for number in range(20)},
    }
    config = {"class_name": "Functional", "config": {"name": "m", "layers": []}} if whole else None
    path = write_keras2(tmp_path / "x.h5", layers, config=config, limit=limit, suffix=suffix)
    with open_checkpoint(path) as checkpoint:
        assert checkpoint.contents.kind == "keras h5"
        assert list(checkpoint.tensors)[:4] == [
            "conv1/kernel",
            "conv1/bias",
            "fc/kernel",
            "fc/bias",
        ]
    found = values_of(path)
    assert found["stem/kernel"] == 3
    assert found["norm/gamma"] == 4
    assert found["norm2/gamma"] == 5
    assert len(found) == 4 + 3 + 20


def test_two_layers_of_one_name_are_refused(tmp_path: Path) -> None:
    layers = {
        "a": {"x/kernel": np.ones(1), "y/kernel": np.ones(1)},
        "b": {"x/kernel": np.ones(1), "z/kernel": np.ones(1)},
    }
    with pytest.raises(DamagedFileError, match="two tensors called 'x/kernel'"):
        values_of(write_keras2(tmp_path / "x.h5", layers))


def test_hdf5_that_is_no_file_of_weights(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["images"] = np.zeros((2, 2))
    with pytest.raises(DamagedFileError, match="not a file of weights that Keras wrote"):
        values_of(tmp_path / "x.h5")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_beside_numpy(tmp_path: Path, save: object) -> None:
    arrays = {
        f"{order}{kind}": np.arange(6).astype(f"{order}{kind}").reshape(2, 3)
        for kind in TYPES
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
    assert_same(values_of(tmp_path / "x.npz"), arrays)


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
        values_of(tmp_path / "x.npz")


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
        values_of(tmp_path / "x.npz")


def test_safetensors_beside_the_official_library(tmp_path: Path) -> None:
    arrays = {kind: np.arange(6).astype(kind).reshape(3, 2) for kind in TYPES}
    arrays |= {"empty": np.zeros((0, 3)), "scalar": np.array(1.5), "bool": np.array([True, False])}
    safetensors.numpy.save_file(arrays, tmp_path / "x.safetensors", metadata={"a": "é"})
    assert_same(values_of(tmp_path / "x.safetensors"), arrays)
    with open_checkpoint(tmp_path / "x.safetensors") as checkpoint:
        assert checkpoint.metadata == {"a": "é"}
        assert not checkpoint.contents.ordered


def onnx_model(tensors: list[onnx.TensorProto]) -> onnx.ModelProto:
    inputs = [helper.make_tensor_value_info("x", 1, [1])]
    nodes = [helper.make_node("Identity", ["x"], ["y"])] * 100
    outputs = [helper.make_tensor_value_info("y", 1, [1])]
    return helper.make_model(helper.make_graph(nodes, "g", inputs, outputs, tensors))


def test_onnx_beside_the_official_library(tmp_path: Path) -> None:
    arrays = {
        kind: np.arange(6).astype(kind).reshape(3, 2) for kind in ("f2", "f4", "f8", "i4", "i8")
    }
    arrays["scalar"], arrays["long/name.weight"] = np.array(2.5), np.ones(100_000, "f4")
    tensors = [numpy_helper.from_array(values, name) for name, values in arrays.items()]
    tensors.append(helper.make_tensor("listed", onnx.TensorProto.FLOAT, [2, 2], [1.0, 2, 3, 4]))
    tensors.append(helper.make_tensor("doubles", onnx.TensorProto.DOUBLE, [2], [1.0, 2]))
    half = helper.make_tensor("bf", onnx.TensorProto.BFLOAT16, [2], b"\x80\x3f\x00\x40", raw=True)
    tensors.append(half)
    tensors.append(helper.make_tensor("shape", onnx.TensorProto.INT64, [2], [3, 4]))
    onnx.save(onnx_model(tensors), tmp_path / "x.onnx")
    with open_checkpoint(tmp_path / "x.onnx") as checkpoint:
        assert list(checkpoint.tensors) == [one.name for one in tensors]
        with pytest.raises(UnsafeFileError, match="number by number"):
            checkpoint.raw("shape")
        for name, values in arrays.items():
            np.testing.assert_array_equal(checkpoint.raw(name), values)
        np.testing.assert_array_equal(checkpoint.raw("listed"), [[1, 2], [3, 4]])
        np.testing.assert_array_equal(checkpoint.raw("doubles"), [1, 2])
        assert checkpoint.raw("bf").view(ml_dtypes.bfloat16).tolist() == [1, 2]


def test_onnx_with_its_tensors_elsewhere(tmp_path: Path) -> None:
    model = onnx_model([numpy_helper.from_array(np.ones(5000, "f4"), "w")])
    onnx.save(model, tmp_path / "x.onnx", save_as_external_data=True, location="w.bin")
    with pytest.raises(UnsafeFileError, match="another file"):
        values_of(tmp_path / "x.onnx")


def test_metadata_of_ours_in_every_container(tmp_path: Path) -> None:
    """What stands beside the tensors must be a table of texts."""
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("kerascnn.json", json.dumps({"a": 1}))
    with pytest.raises(DamagedFileError, match="table of texts"):
        values_of(tmp_path / "x.npz")
    with h5py.File(tmp_path / "x.weights.h5", "w") as file:
        file.create_group("layers")
        file["kerascnn"] = np.frombuffer(b'{"a": "b", "a": "c"}', np.uint8)
    with pytest.raises(DamagedFileError, match="not JSON"):
        values_of(tmp_path / "x.weights.h5")
