"""The zip archives among the files of weights: PyTorch's, NumPy's and Keras's."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from kerascnn.errors import DamagedFileError, UnsafeFileError
from kerascnn.fileio.untrusted import quoted
from kerascnn.weights.formats import hdf5_file, json_text, keras_config, torch_file
from kerascnn.weights.formats.byte_range import ITEM_BYTES, Region, volume
from kerascnn.weights.formats.tensor_table import Contents, Stored
from kerascnn.weights.formats.zipped import Zipped

KERAS_WEIGHTS = "model.weights.h5"
METADATA_MEMBER = "kerascnn.json"
"""Where our own .npz files keep their metadata."""
HEADER_LIMIT = 10_000
"""Bytes before the values of an array; NumPy itself accepts no more."""


def read(region: Region) -> Contents:
    """Returns the tensors of whichever archive it is."""
    archive = Zipped(region)
    names = archive.members
    if KERAS_WEIGHTS in names:
        return _keras(archive)
    if any(name.endswith("/data.pkl") for name in names):
        return torch_file.read_zip(archive)
    if names and all(name.endswith(".npy") or name == METADATA_MEMBER for name in names):
        return _npz(archive)
    raise DamagedFileError("it is a zip archive of neither Keras, PyTorch nor NumPy")


def _keras(archive: Zipped) -> Contents:
    """The weights of a .keras file; its configuration is searched for code, never built."""
    if "config.json" in archive.members:
        text = archive.extract("config.json", json_text.LIMIT)
        keras_config.refuse_code(text, "config.json")
    # Keras stores this member unpacked, so that it is read in place.
    contents = hdf5_file.read(archive.view(KERAS_WEIGHTS))
    return replace(contents, kind=f"keras ({contents.kind})")


def _npz(archive: Zipped) -> Contents:
    tensors: dict[str, Stored] = {}
    for member in archive.members:
        if member != METADATA_MEMBER:
            tensors[member.removesuffix(".npy")] = _npy(archive, member)
    metadata: dict[str, str] = {}
    if METADATA_MEMBER in archive.members:
        text = archive.extract(METADATA_MEMBER, json_text.LIMIT)
        metadata = json_text.table(text, METADATA_MEMBER)
    return Contents("npz", tensors, metadata)


# The dictionary that NumPy writes, and no other expression of Python.
_HEADER = re.compile(
    rb"\{'descr': '([<>|])([fiub])(\d)', 'fortran_order': (True|False), "
    rb"'shape': \(((?:\d+,? ?)*)\), \} *\n"
)
_KINDS = {b"f": "float", b"i": "int", b"u": "uint"}


def _npy(archive: Zipped, member: str) -> Stored:
    """One array: its header is read here, its values when they are asked for."""
    label = quoted(member.removesuffix(".npy"))
    head = archive.start(member, HEADER_LIMIT)
    width = {b"\x01\x00": 2, b"\x02\x00": 4}.get(head[6:8])
    if not head.startswith(b"\x93NUMPY") or width is None:
        raise DamagedFileError(f"its member {label} is no array of NumPy")
    start = 8 + width + int.from_bytes(head[8 : 8 + width], "little")
    header = head[8 + width : start]
    if b"'|O'" in header or b"'O'" in header:
        raise UnsafeFileError(f"its array {label} holds Python objects, which only pickle reads")
    found = _HEADER.fullmatch(header)
    if found is None:
        raise DamagedFileError(f"its array {label} has a header that describes no numbers")
    order, kind, item, fortran, sides = found.groups()
    dtype = "bool" if kind == b"b" else f"{_KINDS[kind]}{8 * int(item)}"
    if dtype not in ITEM_BYTES:
        raise UnsafeFileError(f"its array {label} is of {dtype}, which no weights are")
    shape = tuple(int(side) for side in sides.replace(b",", b" ").split())
    size = volume(shape) * ITEM_BYTES[dtype]
    total = archive.members[member].size
    if start + size != total:
        raise DamagedFileError(f"its array {label} has {total - start:,} bytes, not {size:,}")

    def unpacked() -> Any:
        import numpy as np

        found = archive.extract(member, start + size)
        kind = np.dtype(dtype).newbyteorder(">" if order == b">" else "<")
        flat = np.frombuffer(found, kind, offset=start)
        flat = flat.astype(dtype, copy=False)
        return flat.reshape(shape, order="F" if fortran == b"True" else "C")

    return Stored(shape, dtype, unpacked, archive.members[member].held)
