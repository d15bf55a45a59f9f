"""Lists the tensors of TensorFlow's checkpoints, and of the variables of a SavedModel.

A checkpoint is an index, NAME.index, and one or more files of values, NAME.data-00000-of-00001. The
index gives each tensor's type, shape and position. A checkpoint of objects also has a graph of
them, which gives the names that the variables had: "conv1/kernel". It is read as data; no graph of
operations is opened.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kerascnn.errors import DamagedFileError, DataError, UnsafeFileError
from kerascnn.fileio.pickle_names import MAXIMUM_RANK
from kerascnn.fileio.untrusted import open_regular, quoted
from kerascnn.weights.formats import sorted_table
from kerascnn.weights.formats.byte_range import ITEM_BYTES, BytesRegion, Region, volume
from kerascnn.weights.formats.crc32c import crc32c, unmasked
from kerascnn.weights.formats.protobuf import Scanner, varint
from kerascnn.weights.formats.tensor_table import Contents, StoredTensor, add_tensor

SUFFIX = ".index"
STATE = "checkpoint"
"""The file in a folder that names its latest checkpoint."""
STATE_LIMIT = 2**20
VARIABLES = Path("variables", "variables.index")
"""The index of a SavedModel, in its folder."""
DATA = re.compile(r"\.data-\d{5}-of-\d{5}$")
LATEST = re.compile(r'^model_checkpoint_path: "([^"\\]+)"', re.M)
MAXIMUM_SHARDS = 128
GRAPH_LIMIT = 2**24
"""Largest size of the graph of objects, in bytes."""
GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
ATTRIBUTES = "/.ATTRIBUTES/VARIABLE_VALUE"
# Parts of the keys of variables that are not the network's, and of those that are, which Keras 3's
# optimizers list too.
NOT_WEIGHTS = re.compile(
    r"(^|/)(_?optimizer|_current_optimizer|save_counter|global_step|keras_api|_loss_tracker"
    r"|_compile_metrics|_metrics|metrics|_?seed_generators?|\.OPTIMIZER_SLOT)(/|$)"
)
OF_THE_NETWORK = "/_trainable_variables/"
COPIES = "_all_variables/"
"""Keys of Keras's exports that repeat the variables of other keys."""
DTYPES = {
    1: "float32", 2: "float64", 3: "int32", 4: "uint8", 5: "int16", 6: "int8", 9: "int64",
    10: "bool", 14: "bfloat16", 17: "uint16", 19: "float16", 22: "uint32", 23: "uint64",
}  # fmt: skip
STRING = 7

Beside = Callable[[str], Region]
"""A function that opens the file whose name has another ending than ".index"."""


def index_file(path: str | os.PathLike[str]) -> Path | None:
    """Returns the index of the checkpoint that a path stands for, or None if it stands for none.

    Args:
        path: an index, a file of values, the prefix of both, a SavedModel's folder or its
            saved_model.pb, its folder `variables`, or a folder with a file "checkpoint", which
            names the latest checkpoint.

    Raises:
        DataError: the file "checkpoint" names no checkpoint of its folder.
    """
    path = Path(path)
    if os.path.isdir(path):
        for inside in (VARIABLES, VARIABLES.name):
            if os.path.isfile(path / inside):
                return path / inside
        return _latest(path) if os.path.isfile(path / STATE) else None
    if path.suffix == SUFFIX:
        return path if os.path.isfile(path) else None
    if path.name == "saved_model.pb":
        index = path.parent / VARIABLES
        return index if os.path.isfile(index) else None
    index = path.with_name(DATA.sub("", path.name) + SUFFIX)
    is_prefix = not os.path.exists(path) or DATA.search(path.name)
    return index if is_prefix and os.path.isfile(index) else None


def _latest(folder: Path) -> Path:
    with open_regular(folder / STATE, limit=STATE_LIMIT) as stream:
        match = LATEST.search(stream.read().decode("utf-8", "replace"))
    if match is None:
        raise DataError(f"{folder / STATE} names no checkpoint; give the path of an .index file")
    # TensorFlow may have written an absolute path of the machine that trained.
    index = folder / (match[1].replace("\\", "/").rpartition("/")[2] + SUFFIX)
    if not os.path.isfile(index):
        raise DataError(
            f"{folder / STATE} names {quoted(index.name)}, which is not in this folder; copy it "
            "there with its files of values, or give the path of another .index file"
        )
    return index


@dataclass
class _Entry:
    """The fields of a BundleEntryProto."""

    dtype: int = 0
    shape: list[int] = field(default_factory=list)
    shard: int = 0
    offset: int = 0
    size: int = 0
    crc: int | None = None


def read(region: Region, beside: Beside) -> Contents:
    """Returns the tensors of a checkpoint, without their values.

    Args:
        region: the index.
        beside: opens a file of values.
    """
    scanner = Scanner(sorted_table.WHAT)
    table = sorted_table.entries(region)
    key, header = next(table, ("", b""))
    if key:
        raise DamagedFileError("it is a table, but not an index of TensorFlow")
    shards = _shards(scanner, header, beside)
    stored: dict[str, StoredTensor] = {}
    names: dict[str, tuple[int, str]] = {}
    for key, value in table:
        entry = _entry(scanner, value, key)
        if entry.shard >= len(shards):
            raise DamagedFileError(f"its tensor {quoted(key)} is in a file that does not exist")
        part = shards[entry.shard].part(entry.offset, entry.size)
        if key == GRAPH:
            names = _variable_names(_single_text(part))
        elif entry.dtype != STRING and (OF_THE_NETWORK in key or not NOT_WEIGHTS.search(key)):
            add_tensor(stored, key, _tensor(entry, part, key))
    if not stored:
        raise DamagedFileError("it has no variables of a network")
    # The variables of an inner model follow those of the model around it.
    ordered = bool(names) and len({key.count("/") for key in stored}) == 1
    return Contents("tensorflow checkpoint", _named(stored, names), ordered=ordered)


def _shards(scanner: Scanner, header: bytes, beside: Beside) -> list[Region]:
    count, big_endian = 0, 0
    for number, value in scanner.fields(BytesRegion(header)):
        if number == 1 and isinstance(value, int):
            count = value
        elif number == 2 and isinstance(value, int):
            big_endian = value
    if big_endian:
        raise UnsafeFileError("its values are big-endian, which is not supported")
    if not 0 < count <= MAXIMUM_SHARDS:
        raise UnsafeFileError(
            f"its values are in {count:,} files; at most {MAXIMUM_SHARDS} are read"
        )
    return [beside(f".data-{shard:05}-of-{count:05}") for shard in range(count)]


def _entry(scanner: Scanner, value: bytes, key: str) -> _Entry:
    entry = _Entry()
    for number, content in scanner.fields(BytesRegion(value)):
        if number == 7:
            raise UnsafeFileError(
                f"its tensor {quoted(key)} is stored in slices, which are not supported"
            )
        if isinstance(content, Region):
            if number == 2:
                entry.shape = _shape(scanner, content, key)
            elif number == 6:
                entry.crc = int.from_bytes(content.read(), "little")
        elif number == 1:
            entry.dtype = content
        elif number == 3:
            entry.shard = content
        elif number == 4:
            entry.offset = content
        elif number == 5:
            entry.size = content
    return entry


def _shape(scanner: Scanner, region: Region, key: str) -> list[int]:
    shape = []
    for number, axis in scanner.fields(region):
        if number == 2 and isinstance(axis, Region):
            sides = [side for name, side in scanner.fields(axis) if name == 1]
            side = sides[0] if sides else 0
            shape.append(side if isinstance(side, int) else 0)
        if len(shape) > MAXIMUM_RANK or max(shape, default=0) >= 2**63:
            raise DamagedFileError(f"its tensor {quoted(key)} has an impossible shape")
    return shape


def _tensor(entry: _Entry, part: Region, key: str) -> StoredTensor:
    dtype, shape = DTYPES.get(entry.dtype), tuple(entry.shape)
    if dtype is None:
        raise UnsafeFileError(f"its tensor {quoted(key)} has a type that weights never have")
    count = volume(shape)
    if part.size != count * ITEM_BYTES[dtype]:
        raise DamagedFileError(
            f"its tensor {quoted(key)} has {part.size:,} bytes, which do not fit its shape"
        )

    def values() -> Any:
        array = part.array(dtype, count)
        if entry.crc is None or crc32c(array.view("u1")) != unmasked(entry.crc):
            raise DamagedFileError("its checksum differs; fetch the files again")
        return array.reshape(shape)

    return StoredTensor(shape, dtype, values, part.size)


def _single_text(region: Region) -> BytesRegion:
    """Returns the text of a tensor of one text: its length, a checksum of that, and the text."""
    if region.size > GRAPH_LIMIT:
        raise UnsafeFileError(f"its graph of objects has {region.size:,} bytes")
    data = region.read()
    length, position = varint(data, 0, sorted_table.WHAT)
    if position + 4 + length != len(data):
        raise DamagedFileError("its graph of objects is damaged")
    return BytesRegion(data[position + 4 :])


def _variable_names(graph: Region) -> dict[str, tuple[int, str]]:
    """Returns the position in the graph and the name of the variable of each key.

    The graph is a TrackableObjectGraph, whose nodes list the values they have in the checkpoint. A
    network's nodes are in the order of its layers.
    """
    scanner = Scanner(sorted_table.WHAT)
    names: dict[str, tuple[int, str]] = {}
    for position, (_, node) in enumerate(scanner.fields(graph)):
        for number, value in _inner(scanner, node):
            if number == 2:
                texts = {
                    name: text.read().decode("utf-8")
                    for name, text in _inner(scanner, value)
                    if isinstance(text, Region)
                }
                names[texts.get(3, "")] = position, texts.get(2, "")
    return names


def _inner(scanner: Scanner, value: int | Region) -> Iterator[tuple[int, int | Region]]:
    return scanner.fields(value) if isinstance(value, Region) else iter(())


def _named(
    stored: dict[str, StoredTensor], names: dict[str, tuple[int, str]]
) -> dict[str, StoredTensor]:
    """Returns the tensors under their variables' names, in the order of the graph of objects.

    A variable without a name of its own, or with the name of another variable, keeps its key.
    """
    keys = sorted(stored, key=lambda key: names.get(key, (-1, ""))[0])
    by_name: dict[str, list[str]] = {}
    for key in keys:
        name = names.get(key, (0, ""))[1].split(":")[0] or key.removesuffix(ATTRIBUTES)
        by_name.setdefault(name, []).append(key)
    for name, same in by_name.items():
        originals = [key for key in same if not key.startswith(COPIES)]
        by_name[name] = originals or same[:1]
    shared = _shared_start(list(by_name)) if names else 0
    tensors: dict[str, StoredTensor] = {}
    for name, same in by_name.items():
        for key in same:
            label = name[shared:] if len(same) == 1 else key.removesuffix(ATTRIBUTES)
            add_tensor(tensors, label, stored[key])
    return tensors


def _shared_start(names: list[str]) -> int:
    """Returns the length of the folders that all names share: Keras 3's name of the model."""
    folders = [name.split("/")[:-2] for name in names]
    shared = 0
    while all(len(parts) > shared and parts[shared] == folders[0][shared] for parts in folders):
        shared += 1
    return sum(len(part) + 1 for part in folders[0][:shared])
