"""Keras's HDF5 files: today's `.weights.h5` and the `.h5` of Keras 1 and 2.

Only groups, plain data sets and hard links are followed: a file must not name another file.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, BinaryIO

from kerascnn.errors import DamagedFileError, UnsafeFileError
from kerascnn.weights.checkpoint import ITEM_BYTES, MAXIMUM_TENSORS, Contents, Stored

if TYPE_CHECKING:
    import h5py

MAXIMUM_DEPTH = 32
ATTRIBUTE_LIMIT = 16 * 2**20
# deflate, shuffle, fletcher32: filters that are part of the library and only repack.
FILTERS = (1, 2, 3)
METADATA_ATTRIBUTE = "kerascnn"
SKIPPED = ("optimizer", "optimizer_weights", "top_level_model_weights")


def read(stream: BinaryIO, data: memoryview) -> Contents:
    """Returns the tensors of the file, unread."""
    return read_from(stream)


def read_from(stream: BinaryIO) -> Contents:
    """Returns the tensors of an HDF5 file that is open as a stream, unread."""
    import h5py

    try:
        file = h5py.File(stream, "r")
        return _contents(file)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError) as error:
        if isinstance(error, UnsafeFileError | DamagedFileError):
            raise
        raise DamagedFileError(
            f"it is a truncated or damaged HDF5 file ({str(error)[:120]})"
        ) from error


def _contents(file: h5py.File) -> Contents:
    root = file
    if "model_weights" in _children(file):
        root = _child(file, "model_weights")
    if "layer_names" in root.attrs:
        return Contents("keras 2 h5", _legacy(root))
    if "layers" in _children(file) or "_layer_checkpoint_dependencies" in _children(file):
        metadata = _metadata(file)
        return Contents("keras weights.h5", _modern(file), metadata)
    raise DamagedFileError("it is HDF5, and not a file of weights that Keras wrote")


def _metadata(file: h5py.File) -> dict[str, str]:
    if METADATA_ATTRIBUTE not in file.attrs:
        return {}
    found = json.loads(_attribute(file, METADATA_ATTRIBUTE))
    if not isinstance(found, dict):
        raise DamagedFileError("its metadata is not a table")
    return {str(key): str(value) for key, value in found.items()}


def _attribute(place: Any, name: str) -> Any:
    import h5py

    identity = h5py.h5a.open(place.id, name.encode("utf-8"))
    count = 1
    for side in identity.shape:
        count *= side
    if count * max(identity.dtype.itemsize, 1) > ATTRIBUTE_LIMIT:
        raise UnsafeFileError(f"its attribute {name!r} is larger than {ATTRIBUTE_LIMIT:,} bytes")
    value = place.attrs[name]
    return value.decode("utf-8") if isinstance(value, bytes) else value


def _texts(place: Any, name: str) -> list[str]:
    """Returns a list of names; Keras splits a long one into name0, name1, …"""
    parts = [name] if name in place.attrs else []
    index = 0
    while f"{name}{index}" in place.attrs and index < 1000:
        parts.append(f"{name}{index}")
        index += 1
    return [
        one.decode("utf-8") if isinstance(one, bytes) else str(one)
        for part in parts
        for one in _attribute(place, part)
    ]


def _children(group: Any) -> list[str]:
    if len(group) > MAXIMUM_TENSORS:
        raise UnsafeFileError(f"a group of it has more than {MAXIMUM_TENSORS:,} members")
    return list(group.keys())


def _child(group: Any, name: str) -> Any:
    """Returns a member, if it lies in this file."""
    import h5py

    link = group.get(name, getlink=True)
    if not isinstance(link, h5py.HardLink):
        raise UnsafeFileError(f"its member {name[:60]!r} is a link to another place or file")
    return group[name]


def _at(group: Any, path: str) -> Any:
    for part in path.split("/"):
        if part:
            group = _child(group, part)
    return group


def _stored(dataset: Any, name: str) -> Stored:
    import h5py

    label = name[:60]
    if not isinstance(dataset, h5py.Dataset):
        raise DamagedFileError(f"its tensor {label!r} is not an array")
    if dataset.is_virtual or dataset.external:
        raise UnsafeFileError(f"its tensor {label!r} lies in another file")
    plan = dataset.id.get_create_plist()
    filters = [plan.get_filter(index)[0] for index in range(plan.get_nfilters())]
    if any(one not in FILTERS for one in filters):
        raise UnsafeFileError(f"its tensor {label!r} is packed in an unusual way")
    if dataset.dtype.name not in ITEM_BYTES:
        raise UnsafeFileError(f"its tensor {label!r} is of {dataset.dtype}, which no weights are")

    def values() -> Any:
        try:
            return dataset[()]
        except (OSError, RuntimeError) as error:
            raise DamagedFileError(f"its tensor {label!r} is truncated or damaged") from error

    return Stored(tuple(dataset.shape), dataset.dtype.name, values)


def _legacy(root: Any) -> dict[str, Stored]:
    """Keras 2: a group a layer, which lists its weights as "conv1/kernel:0"."""
    tensors: dict[str, Stored] = {}
    for layer in _texts(root, "layer_names"):
        group = _child(root, layer) if "/" not in layer else _at(root, layer)
        for weight in _texts(group, "weight_names"):
            kind = weight.split("/")[-1].split(":")[0]
            tensors[f"{layer}/{kind}"] = _stored(_at(group, weight), f"{layer}/{kind}")
    return tensors


def _modern(root: Any) -> dict[str, Stored]:
    """Keras 3: groups that follow the objects; each `vars` group bears its layer's name."""
    import h5py

    tensors: dict[str, Stored] = {}
    seen: set[int] = set()

    def walk(group: Any, path: str, depth: int) -> None:
        address = h5py.h5o.get_info(group.id).addr
        if address in seen or depth > MAXIMUM_DEPTH:
            raise UnsafeFileError("its groups run in a circle or too deep")
        seen.add(address)
        for name in _children(group):
            if depth == 0 and name in SKIPPED:
                continue
            member = _child(group, name)
            if name == "vars" and isinstance(member, h5py.Group):
                layer = str(_attribute(member, "name")) if "name" in member.attrs else path
                for index in sorted(_children(member), key=_order):
                    label = f"{layer}/{index}"
                    if label in tensors:
                        raise DamagedFileError(f"it has two tensors called {label[:60]!r}")
                    tensors[label] = _stored(_child(member, index), label)
            elif isinstance(member, h5py.Group):
                walk(member, f"{path}/{name}" if path else name, depth + 1)

    walk(root, "", 0)
    return tensors


def _order(index: str) -> tuple[int, str]:
    return (int(index), "") if index.isdecimal() else (2**31, index)
