"""Keras's HDF5 files: today's `.weights.h5` and the `.h5` of Keras 1 and 2."""

from __future__ import annotations

import re
from typing import Any

from kerascnn.errors import DamagedFileError, UnsafeFileError
from kerascnn.fileio.untrusted import quoted
from kerascnn.weights.formats import json_text, keras_config
from kerascnn.weights.formats.byte_range import ITEM_BYTES, Region, volume
from kerascnn.weights.formats.hdf5_format import TWO_BYTES, Hdf5, Node
from kerascnn.weights.formats.tensor_table import MAXIMUM_TENSORS, Contents, Stored

MAXIMUM_DEPTH = 32
METADATA_NAME = "kerascnn"
"""Where our own .weights.h5 keep their metadata: an array of bytes beside Keras's groups."""
CONFIGURATIONS = ("model_config", "training_config")
NOT_WEIGHTS = ("optimizer", "optimizer_weights", "seed_generator", METADATA_NAME)


def read(region: Region) -> Contents:
    """Returns the tensors of the file, unread."""
    file = Hdf5(region)
    root = file.node(file.root)
    for name in CONFIGURATIONS:
        if name in root.attributes:
            text = "".join(file.texts(root.attributes[name]))
            keras_config.refuse_code(text.encode("utf-8"), name)
    if "model_weights" in root.members:
        root = file.node(root.members["model_weights"])
    if "layer_names" in root.attributes or "layer_names0" in root.attributes:
        return Contents("keras h5", _legacy(file, root))
    if "layers" in root.members or "_layer_checkpoint_dependencies" in root.members:
        metadata = _metadata(file, root)
        return Contents("keras weights.h5", _modern(file, root), metadata, ordered=False)
    raise DamagedFileError("it is HDF5, and not a file of weights that Keras wrote")


def _metadata(file: Hdf5, root: Node) -> dict[str, str]:
    if METADATA_NAME not in root.members:
        return {}
    array = file.node(root.members[METADATA_NAME]).array
    if array is None or array.type.name != "uint8":
        raise DamagedFileError("its metadata is no text")
    if array.place.size > json_text.LIMIT:
        raise UnsafeFileError("its metadata is absurdly large")
    return json_text.table(array.place.read(), "metadata")


def _texts(file: Hdf5, node: Node, name: str) -> list[str]:
    """Returns a list of names; Keras 2 splits a long one into name0, name1, …"""
    parts = [name] if name in node.attributes else []
    while f"{name}{len(parts)}" in node.attributes:
        parts.append(f"{name}{len(parts)}")
    return [text for part in parts for text in file.texts(node.attributes[part])]


def _at(file: Hdf5, node: Node, path: str) -> Node:
    """Returns the object at a path of names below a group."""
    for part in path.split("/"):
        if part not in node.members:
            raise DamagedFileError(f"it names {quoted(path)} and does not have it")
        node = file.node(node.members[part])
    return node


def _stored(node: Node, name: str) -> Stored:
    array = node.array
    if array is None:
        raise DamagedFileError(f"its tensor {quoted(name)} is not an array")
    dtype = array.type.name
    if dtype == TWO_BYTES:  # Keras so writes bfloat16, which HDF5 lacks, and nothing else
        dtype = "bfloat16"
    if dtype not in ITEM_BYTES:
        raise UnsafeFileError(f"its tensor {quoted(name)} is of {dtype}, which no weights are")

    if array.type.order == "<":
        return Stored(array.shape, dtype, array.place, array.place.size)

    def turned() -> Any:
        return array.place.array(dtype, volume(array.shape), order=">").reshape(array.shape)

    return Stored(array.shape, dtype, turned, array.place.size)


def _add(tensors: dict[str, Stored], name: str, stored: Stored) -> None:
    if name in tensors:
        raise DamagedFileError(f"it has two tensors called {quoted(name)}")
    if len(tensors) == MAXIMUM_TENSORS:
        raise UnsafeFileError(f"it has more than {MAXIMUM_TENSORS:,} tensors")
    tensors[name] = stored


def _legacy(file: Hdf5, root: Node) -> dict[str, Stored]:
    """Keras 1 and 2: a group a layer, which lists its weights as "conv1/kernel:0".

    A layer that is a model lists those of the layers inside, whose names then count.
    """
    tensors: dict[str, Stored] = {}
    for layer in _texts(file, root, "layer_names"):
        group = _at(file, root, layer)
        weights = _texts(file, group, "weight_names")
        modules = {weight.rpartition("/")[0] for weight in weights}
        for weight in weights:
            module, _, variable = weight.rpartition("/")
            owner = layer if len(modules) == 1 else module.rpartition("/")[2]
            name = f"{owner}/{_today(variable.split(':')[0], layer)}"
            _add(tensors, name, _stored(_at(file, group, weight), name))
    return tensors


_KERAS_1 = {
    "W": "kernel",
    "b": "bias",
    "gamma": "gamma",
    "beta": "beta",
    "running_mean": "moving_mean",
    "running_std": "moving_variance",  # which it is, in spite of its name
}


def _today(variable: str, layer: str) -> str:
    """Returns today's name of a variable that Keras 1 called "conv1_W_1" or "conv1_W"."""
    rest = variable.removeprefix(f"{layer}_")
    return variable if rest == variable else _KERAS_1.get(re.sub(r"_\d+$", "", rest), variable)


def _modern(file: Hdf5, root: Node) -> dict[str, Stored]:
    """Keras 3: groups that follow the objects; each `vars` group bears its layer's name."""
    tensors: dict[str, Stored] = {}
    seen: set[int] = set()
    waiting = [(root, "")]
    for group, path in waiting:  # which grows
        if path.count("/") > MAXIMUM_DEPTH:
            raise UnsafeFileError("its groups lie too deep")
        for name, address in group.members.items():
            if name.startswith(NOT_WEIGHTS):
                continue
            if address in seen:
                raise UnsafeFileError("its groups run in a circle")
            seen.add(address)
            node = file.node(address)
            if name == "vars":
                names = file.texts(node.attributes["name"]) if "name" in node.attributes else []
                layer = names[0] if names else path
                for index in sorted(node.members, key=_order):
                    label = f"{layer}/{index}"
                    _add(tensors, label, _stored(file.node(node.members[index]), label))
            elif node.array is None:
                waiting.append((node, f"{path}/{name}" if path else name))
    return tensors


def _order(index: str) -> tuple[int, str]:
    return (int(index), "") if index.isdecimal() and len(index) < 9 else (2**31, index)
