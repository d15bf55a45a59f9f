"""Lists every array of a Keras 3 weights file by its path: weights, optimizer, seeds, metrics."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from kerascnn.errors import DamagedFileError, UnsafeFileError
from kerascnn.fileio.untrusted import quoted
from kerascnn.weights.formats.byte_range import ITEM_BYTES, Region, volume
from kerascnn.weights.formats.hdf5_file import element_type
from kerascnn.weights.formats.hdf5_format import Hdf5, Node
from kerascnn.weights.formats.tensor_table import MAXIMUM_NAME, MAXIMUM_TENSORS

MAXIMUM_DEPTH = 64
"""Levels of groups inside groups; a layer inside a model takes two."""
NOT_WEIGHTS = ("optimizer", "seed_generator", "metric", "loss")
"""Parts of paths whose arrays are no weights of layers; Keras prefixes some with "_"."""


@dataclass(frozen=True)
class StoredArray:
    """An array of the file.

    Args:
        shape: as the file declares it.
        dtype: a key of `ITEM_BYTES`.
        region: the bytes of its values, little-endian unless `big_endian`.
        big_endian: whether the bytes of each value are in the opposite order.
    """

    shape: tuple[int, ...]
    dtype: str
    region: Region
    big_endian: bool

    def raw(self) -> Any:
        """Returns the values, bfloat16 as uint16."""
        flat = self.region.array(
            self.dtype, volume(self.shape), order=">" if self.big_endian else "<"
        )
        return flat.reshape(self.shape)


@dataclass(frozen=True)
class KerasArrays:
    """The contents of a weights file of Keras 3.

    Args:
        groups: the path of each group, and its text attributes.
        arrays: the arrays by path, such as "layers/dense/vars/0".
    """

    groups: dict[str, dict[str, str]]
    arrays: dict[str, StoredArray]

    def weight_shapes(self) -> Counter[tuple[int, ...]]:
        """Returns how many weights of layers have each shape."""
        return Counter(array.shape for path, array in self.arrays.items() if is_weight(path))


def is_weight(path: str) -> bool:
    """Returns whether the array at a path is a weight of a layer."""
    return not any(part.lstrip("_").startswith(NOT_WEIGHTS) for part in path.split("/"))


def read(region: Region) -> KerasArrays:
    """Returns the arrays of a weights file, without their values.

    Raises:
        DamagedFileError: it is truncated or damaged.
        UnsafeFileError: it has links, compressed arrays, or other objects that Keras does not
            write; or its arrays have more bytes than the file, so that some share them.
    """
    file = Hdf5(region)
    groups: dict[str, dict[str, str]] = {}
    arrays: dict[str, StoredArray] = {}
    seen: set[int] = set()
    total = 0
    waiting = [(file.root, "", 0)]
    while waiting:
        address, path, depth = waiting.pop()
        if depth > MAXIMUM_DEPTH or len(path) > MAXIMUM_NAME:
            raise UnsafeFileError("its groups are nested too deep")
        if address in seen:
            raise UnsafeFileError("its groups contain each other in a circle")
        seen.add(address)
        node = file.node(address)
        if node.array is None:
            groups[path] = _texts(file, node)
            for name, child in node.members.items():
                if "/" in name or name in ("", ".", ".."):
                    raise UnsafeFileError(f"its member {quoted(name)} has no usable name")
                waiting.append((child, f"{path}/{name}" if path else name, depth + 1))
            continue
        arrays[path] = _stored(node, path)
        total += arrays[path].region.size
        if total > region.size:
            raise UnsafeFileError("its arrays have more bytes than it has; some share them")
        if len(arrays) > MAXIMUM_TENSORS:
            raise UnsafeFileError(f"it has more than {MAXIMUM_TENSORS:,} tensors")
    return KerasArrays(groups, arrays)


def _texts(file: Hdf5, node: Node) -> dict[str, str]:
    """Returns a group's attributes that are one text; Keras writes the layer's name as one."""
    values = {
        name: file.texts(attribute)
        for name, attribute in node.attributes.items()
        if name in ("name", "dtype")
    }
    return {name: texts[0] for name, texts in values.items() if len(texts) == 1}


def _stored(node: Node, path: str) -> StoredArray:
    array = node.array
    assert array is not None  # the caller has checked it
    dtype = element_type(array, path)
    if array.region.size != volume(array.shape) * ITEM_BYTES[dtype]:
        raise DamagedFileError(f"its tensor {quoted(path)} has bytes for another shape")
    return StoredArray(array.shape, dtype, array.region, array.type.order == ">")
