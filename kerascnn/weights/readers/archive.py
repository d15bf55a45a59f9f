"""The zip archives among the files of weights: PyTorch's, NumPy's and Keras's."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from typing import Any, BinaryIO

from kerascnn.errors import DamagedFileError, UnsafeFileError
from kerascnn.weights.checkpoint import ITEM_BYTES, Contents, Stored
from kerascnn.weights.readers import hdf5_file, torch_file
from kerascnn.weights.readers.zipped import Zipped

KERAS_WEIGHTS = "model.weights.h5"
CONFIG_LIMIT = 64 * 2**20
METADATA_MEMBER = "kerascnn.json"
"""Where our own .npz files keep their metadata."""


def read(stream: BinaryIO, data: memoryview) -> Contents:
    """Returns the tensors of whichever archive it is."""
    archive = Zipped(stream, data)
    names = archive.members
    if KERAS_WEIGHTS in names:
        return _keras(archive)
    if any(name.endswith("/data.pkl") or name == "data.pkl" for name in names):
        return torch_file.read_zip(archive)
    if names and all(name.endswith(".npy") or name == METADATA_MEMBER for name in names):
        return _npz(archive)
    raise DamagedFileError("it is a zip archive of neither Keras, PyTorch nor NumPy")


def _keras(archive: Zipped) -> Contents:
    """The weights of a .keras file; its configuration is searched for code, never built."""
    if "config.json" in archive.members:
        text = archive.extract("config.json", CONFIG_LIMIT)
        _refuse_code(text)
    # Keras stores this member unpacked, so that it is read in place.
    view = archive.view(KERAS_WEIGHTS)
    contents = hdf5_file.read_from(io.BytesIO(view))
    return Contents(f"keras ({contents.kind})", contents.tensors, contents.metadata)


def _refuse_code(text: bytes) -> None:
    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DamagedFileError("its config.json is not JSON; the file is damaged") from error
    stack = [config]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            if item.get("class_name") in ("Lambda", "__lambda__"):
                inner = item.get("config")
                name = inner.get("name") if isinstance(inner, dict) else ""
                raise UnsafeFileError(
                    f"its configuration has a Lambda ({str(name)[:60]!r}), which is code; save the "
                    "weights alone: model.save_weights('x.weights.h5')"
                )
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)


def _npz(archive: Zipped) -> Contents:
    tensors: dict[str, Stored] = {}
    for member in archive.members:
        if member != METADATA_MEMBER:
            tensors[member.removesuffix(".npy")] = _npy(archive, member)
    metadata: dict[str, str] = {}
    if METADATA_MEMBER in archive.members:
        found = json.loads(archive.extract(METADATA_MEMBER, CONFIG_LIMIT))
        if isinstance(found, dict):
            metadata = {str(key): str(value) for key, value in found.items()}
    return Contents("npz", tensors, metadata)


def _npy(archive: Zipped, member: str) -> Stored:
    """One array: its header is read here, its values when they are asked for."""
    import numpy as np

    label = member[:60]
    head = io.BytesIO(_head(archive, member))
    try:
        version = np.lib.format.read_magic(head)
        reader = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, fortran, dtype = reader(head, max_header_size=10_000)
    except (ValueError, KeyError, EOFError, SyntaxError) as error:
        raise DamagedFileError(f"its member {label!r} is no array of NumPy") from error
    if dtype.hasobject:
        raise UnsafeFileError(f"its array {label!r} holds Python objects, which only pickle reads")
    if dtype.name not in ITEM_BYTES:
        raise UnsafeFileError(f"its array {label!r} is of {dtype.name}, which no weights are")
    size = int(np.prod(shape, dtype=object)) * dtype.itemsize
    start = head.tell()
    total = archive.members[member].file_size
    if start + size != total:
        raise DamagedFileError(f"its array {label!r} has {total - start:,} bytes, not {size:,}")

    def values() -> Any:
        found = archive.extract(member, start + size)
        flat = np.frombuffer(found, dtype, offset=start)
        return flat.reshape(shape, order="F" if fortran else "C")

    return Stored(tuple(shape), dtype.name, values)


def _head(archive: Zipped, member: str) -> bytes:
    """Returns the first bytes of a member, enough for the header of an array."""
    info = archive.members[member]
    begin, end = archive.place(info)
    if info.compress_type == zipfile.ZIP_STORED:
        return bytes(archive.data[begin : min(end, begin + 12_000)])
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(archive.data[begin:end], 12_000)
    except zlib.error as error:
        raise DamagedFileError(f"its member {member[:60]!r} cannot be unpacked") from error
