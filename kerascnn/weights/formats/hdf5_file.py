"""Lists the tensors of Keras's HDF5 files: .weights.h5 of Keras 3, and .h5 of Keras 1 and 2."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kerascnn.errors import DamagedFileError, FormatError, UnsafeFileError
from kerascnn.fileio.untrusted import quoted
from kerascnn.weights.formats import json_text, keras_config
from kerascnn.weights.formats.byte_range import ITEM_BYTES, Region, volume
from kerascnn.weights.formats.hdf5_format import TWO_BYTES, Array, Hdf5, Node
from kerascnn.weights.formats.keras_groups import CONTAINERS, layer_names
from kerascnn.weights.formats.tensor_table import (
    MAXIMUM_TENSORS,
    Contents,
    StoredTensor,
    add_tensor,
)

MAXIMUM_DEPTH = 32
"""Levels of groups inside groups."""
METADATA_NAME = "kerascnn"
"""The array of bytes in which a .weights.h5 file of `save_weights` stores its metadata."""
CONFIGURATIONS = ("model_config", "training_config")
"""Attributes that hold a configuration of Keras, in JSON."""
NOT_WEIGHTS = ("optimizer", "optimizer_weights", "seed_generator", METADATA_NAME)
"""Prefixes of the groups and arrays that hold no weights of the model."""
KERAS_1_NAMES = {
    "W": "kernel",
    "b": "bias",
    "gamma": "gamma",
    "beta": "beta",
    "running_mean": "moving_mean",
    "running_std": "moving_variance",  # Keras 1 stored the variance under this name
}


def read(region: Region, config: Any = None) -> Contents:
    """Returns the tensors of an HDF5 file that Keras wrote, without their values.

    Args:
        region: the file.
        config: the configuration of the model of which these are the weights, if known.
    """
    file = Hdf5(region)
    root = file.node(file.root)
    configs = {}
    for name in CONFIGURATIONS:
        if name in root.attributes:
            text = "".join(file.texts(root.attributes[name]))
            configs[name] = keras_config.without_code(text.encode("utf-8"), name)
    if "model_weights" in root.members:
        root = file.node(root.members["model_weights"])
    if "layer_names" in root.attributes or "layer_names0" in root.attributes:
        tensors, outer = _keras_2(file, root)
        return Contents("keras h5", tensors, config=configs.get(CONFIGURATIONS[0]), outer=outer)
    if any(name in root.members for name in CONTAINERS):
        tensors, outer = _keras_3(file, root, config)
        metadata = _metadata(file, root)
        return Contents("keras weights.h5", tensors, metadata, ordered=False, outer=outer)
    raise FormatError(
        "it is HDF5, but not a file of weights that Keras wrote; save its arrays by name as .npz"
    )


def _metadata(file: Hdf5, root: Node) -> dict[str, str]:
    if METADATA_NAME not in root.members:
        return {}
    array = file.node(root.members[METADATA_NAME]).array
    if array is None or array.type.name != "uint8":
        raise DamagedFileError("its metadata is not a text")
    if array.region.size > json_text.LIMIT:
        raise UnsafeFileError("its metadata is absurdly large")
    return json_text.table(array.region.read(), "metadata")


def _texts(file: Hdf5, node: Node, name: str) -> list[str]:
    """Returns the texts of an attribute; Keras 2 splits long lists into name0, name1, …"""
    parts = [name] if name in node.attributes else []
    while f"{name}{len(parts)}" in node.attributes:
        parts.append(f"{name}{len(parts)}")
    return [text for part in parts for text in file.texts(node.attributes[part])]


def _at(file: Hdf5, node: Node, path: str) -> Node:
    """Returns the object at a path below a group."""
    for part in path.split("/"):
        if part not in node.members:
            raise DamagedFileError(f"it lists {quoted(path)}, which is missing")
        node = file.node(node.members[part])
    return node


def element_type(array: Array, name: str) -> str:
    """Returns the type of an array's elements, a key of `ITEM_BYTES`; refuses other types."""
    dtype = array.type.name
    if dtype == TWO_BYTES:  # HDF5 has no bfloat16; Keras writes only that in this way
        dtype = "bfloat16"
    if dtype not in ITEM_BYTES:
        raise UnsafeFileError(
            f"its tensor {quoted(name)} has type {dtype}, which weights never have"
        )
    return dtype


def _stored(node: Node, name: str) -> StoredTensor:
    array = node.array
    if array is None:
        raise DamagedFileError(f"its tensor {quoted(name)} is not an array")
    dtype = element_type(array, name)

    if array.type.order == "<":
        return StoredTensor(array.shape, dtype, array.region, array.region.size)

    def big_endian() -> Any:
        return array.region.array(dtype, volume(array.shape), order=">").reshape(array.shape)

    return StoredTensor(array.shape, dtype, big_endian, array.region.size)


@dataclass(frozen=True)
class _Item:
    """A tensor of a layer: the layer's name, the variable's, and the inner model with the layer."""

    layer: str
    variable: str
    tensor: StoredTensor
    model: str = ""


Table = tuple[dict[str, StoredTensor], tuple[str, ...]]
"""The tensors of a file, and the names of those that are of the model around an inner model."""


def _table(items: list[_Item]) -> Table:
    """Returns the tensors as "layer/variable".

    If this is the name of two tensors, the names of inner models are put before those of all their
    layers.
    """
    counts = Counter((item.layer, item.variable) for item in items)
    ambiguous = any(count > 1 for count in counts.values())
    tensors: dict[str, StoredTensor] = {}
    outer = []
    for item in items:
        name = f"{item.layer}/{item.variable}"
        name = f"{item.model}/{name}" if ambiguous and item.model else name
        add_tensor(tensors, name, item.tensor)
        if not item.model:
            outer.append(name)
    return tensors, tuple(outer) if len(outer) < len(items) else ()


def _keras_2(file: Hdf5, root: Node) -> Table:
    """Returns the tensors of a file of Keras 1 or 2.

    Each layer has a group, which lists its weights as "conv1/kernel:0". The group of a layer that
    is itself a model lists the weights of its inner layers; these are named by the inner layers.
    """
    items: list[_Item] = []
    seen: set[tuple[str, str]] = set()
    for layer in _texts(file, root, "layer_names"):
        group = _at(file, root, layer)
        weights = _texts(file, group, "weight_names")
        modules = dict.fromkeys(weight.rpartition("/")[0] for weight in weights)
        short = {module: module.rpartition("/")[2] for module in modules}
        if len(set(short.values())) < len(short):  # the inner layers have names like "Conv/bn"
            short = {module: module for module in modules}
        for weight in weights:
            module, _, variable = weight.rpartition("/")
            variable = _current_name(variable.split(":")[0], layer)
            owner = layer if len(modules) == 1 else short[module]
            if (layer, weight) in seen:
                raise DamagedFileError(f"it has two tensors called {quoted(f'{owner}/{variable}')}")
            if len(items) == MAXIMUM_TENSORS:
                raise UnsafeFileError(f"it has more than {MAXIMUM_TENSORS:,} tensors")
            seen.add((layer, weight))
            tensor = _stored(_at(file, group, weight), f"{owner}/{variable}")
            items.append(_Item(owner, variable, tensor, layer if len(modules) > 1 else ""))
    return _table(items)


def _current_name(variable: str, layer: str) -> str:
    """Returns Keras 3's name of a variable that Keras 1 called "conv1_W_1" or "conv1_W"."""
    rest = variable.removeprefix(f"{layer}_")
    return variable if rest == variable else KERAS_1_NAMES.get(re.sub(r"_\d+$", "", rest), variable)


def _keras_3(file: Hdf5, root: Node, config: Any) -> Table:
    """Returns the tensors of a file of Keras 3, whose groups follow the model's objects.

    A group called `vars` holds a layer's variables, and has the layer's name as an attribute. Older
    files have no names; the configuration tells them.
    """
    names: dict[str, str] = {}  # of the layers and inner models, by their groups' paths
    variables: list[tuple[str, str, StoredTensor]] = []
    seen: set[int] = set()
    waiting = [(root, "")]
    for group, path in waiting:  # the loop appends to this list
        if path.count("/") > MAXIMUM_DEPTH:
            raise UnsafeFileError("its groups are nested too deep")
        for name, address in group.members.items():
            if name.startswith(NOT_WEIGHTS):
                continue
            if address in seen:
                raise UnsafeFileError("its groups contain each other in a circle")
            seen.add(address)
            node = file.node(address)
            if name == "vars":
                texts = file.texts(node.attributes["name"]) if "name" in node.attributes else []
                if texts:
                    names[path] = texts[0]
                for index in sorted(node.members, key=_sort_key):
                    label = f"{names.get(path, path)}/{index}"
                    variables.append((path, index, _stored(file.node(node.members[index]), label)))
                if len(variables) > MAXIMUM_TENSORS:
                    raise UnsafeFileError(f"it has more than {MAXIMUM_TENSORS:,} tensors")
            elif node.array is None:
                waiting.append((node, f"{path}/{name}" if path else name))
    paths = dict.fromkeys(path for path, _, _ in variables)
    if not names.keys() & paths.keys():
        names = layer_names(paths, config)
    return _table(
        [
            _Item(names.get(path, path), index, tensor, _model(path, names))
            for path, index, tensor in variables
        ]
    )


def _model(path: str, names: Mapping[str, str]) -> str:
    """Returns the names of the inner models around a layer's group; empty if there are none."""
    parts = path.split("/")
    models = []
    for end in range(1, len(parts)):
        if parts[end] in CONTAINERS:
            group = "/".join(parts[:end])
            models.append(names.get(group, parts[end - 1]))
    return "/".join(models)


def _sort_key(index: str) -> tuple[int, str]:
    """Returns a key that sorts numbers by value, and other names behind them."""
    return (int(index), "") if index.isdecimal() and len(index) < 9 else (2**31, index)
