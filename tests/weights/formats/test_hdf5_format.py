"""Our reader of HDF5 beside h5py: types, shapes, groups of every form, texts."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from kerascnn.weights.formats.byte_range import Region
from kerascnn.weights.formats.hdf5_format import Hdf5
from support.weight_files.reading import NUMBER_TYPES, assert_same_tensors


def walk(file: Hdf5, address: int, path: str = "") -> dict[str, np.ndarray]:
    node = file.node(address)
    if node.array is not None:
        array = node.array
        flat = array.region.array(
            array.type.name, np.prod(array.shape, dtype=int), 0, array.type.order
        )
        return {path: flat.reshape(array.shape)}
    arrays = {}
    for name, member in node.members.items():
        arrays.update(walk(file, member, f"{path}/{name}"))
    return arrays


@pytest.mark.parametrize("libver", ["earliest", "v108", "v110", "latest"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_hdf5_beside_h5py(tmp_path: Path, libver: str, order: str) -> None:
    """Every type, shape and depth; groups of the old form (a tree) and of the new one (links)."""
    random = np.random.default_rng(1)
    path = tmp_path / "x.h5"
    with h5py.File(path, "w", libver=libver) as file:
        for number, kind in enumerate(NUMBER_TYPES):  # more than 8 links would be a dense table
            shape = [(), (1,), (3,), (2, 3), (2, 0), (1, 2, 3, 4)][number % 6]
            data = random.integers(0, 100, shape).astype(f"{order}{kind}")
            file.create_dataset(f"types{number // 8}/{kind}", data=data)
        file["deep/er/est"] = np.array([True, False])
        if libver == "earliest":
            for number in range(300):  # 38 tables below two levels of the tree
                file[f"many/layer_{number}"] = np.float32(number)
    with path.open("rb") as stream:
        reader = Hdf5(Region(stream.fileno(), 0, path.stat().st_size))
        arrays = walk(reader, reader.root)
    wanted: dict[str, np.ndarray] = {}
    with h5py.File(path) as file:

        def keep(name: str, item: object) -> None:
            if isinstance(item, h5py.Dataset):
                wanted[f"/{name}"] = item[()]

        file.visititems(keep)
    assert_same_tensors(arrays, {name: np.asarray(value) for name, value in wanted.items()})
    assert len(arrays) == len(NUMBER_TYPES) + 1 + (300 if libver == "earliest" else 0)


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
        texts = {name: reader.texts(attribute) for name, attribute in root.attributes.items()}
    assert texts["fixed"] == ["a", "bcd", ""]
    assert texts["variable"] == ["é", "", "xyz" * 100]
    assert texts["one"] == ["text"]
    assert texts["long"] == [long]
    assert texts["none"] == []
    assert all(texts[f"a{number}"] == [f"value {number}"] for number in range(40))
