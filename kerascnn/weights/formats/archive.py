"""Lists the tensors of zip archives: PyTorch's, NumPy's .npz and Keras's .keras."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from kerascnn.errors import DamagedFileError, UnsafeFileError
from kerascnn.fileio.untrusted import quoted
from kerascnn.weights.formats import hdf5_file, json_text, keras_config, torch_file
from kerascnn.weights.formats.byte_range import ITEM_BYTES, Region, volume
from kerascnn.weights.formats.other_formats import of_archive
from kerascnn.weights.formats.tensor_table import Contents, StoredTensor
from kerascnn.weights.formats.zipped import Zipped

KERAS_CONFIG = "config.json"
KERAS_WEIGHTS = "model.weights.h5"
METADATA_MEMBER = "kerascnn.json"
"""The member of a .npz file of `save_weights` that holds its metadata."""
HEADER_LIMIT = 10_000
"""Largest number of bytes before an array's values; the limit that NumPy has."""

# Exactly the dictionary that NumPy writes, not any Python expression.
NPY_HEADER = re.compile(
    rb"\{'descr': '([<>|])([fiub])(\d)', 'fortran_order': (True|False), "
    rb"'shape': \(((?:\d+,? ?)*)\), \} *\n"
)
NPY_KINDS = {b"f": "float", b"i": "int", b"u": "uint"}


def read(region: Region) -> Contents:
    """Returns the tensors of a zip archive of Keras, PyTorch or NumPy, without their values."""
    archive = Zipped(region)
    names = archive.members
    if KERAS_WEIGHTS in names:
        return _keras(archive)
    if any(name.endswith("/data.pkl") for name in names):
        return torch_file.read_zip(archive)
    if names and all(name.endswith(".npy") or name == METADATA_MEMBER for name in names):
        return _npz(archive)
    raise of_archive(names)


def _keras(archive: Zipped) -> Contents:
    """Returns the weights of a .keras file; a configuration with code is refused."""
    config = None
    if KERAS_CONFIG in archive.members:
        text = archive.extract(KERAS_CONFIG, keras_config.LIMIT)
        config = keras_config.without_code(text, KERAS_CONFIG)
    archive.check_sums()
    # Keras does not compress this member, so that its tensors are read from the archive directly.
    contents = hdf5_file.read(archive.view(KERAS_WEIGHTS), config)
    return replace(contents, kind=f"keras ({contents.kind})", config=config)


def _npz(archive: Zipped) -> Contents:
    tensors: dict[str, StoredTensor] = {}
    for member in archive.members:
        if member != METADATA_MEMBER:
            tensors[member.removesuffix(".npy")] = _npy(archive, member)
    metadata: dict[str, str] = {}
    if METADATA_MEMBER in archive.members:
        text = archive.extract(METADATA_MEMBER, json_text.LIMIT)
        metadata = json_text.table(text, METADATA_MEMBER)
    return Contents("npz", tensors, metadata)


def _npy(archive: Zipped, member: str) -> StoredTensor:
    """Reads the header of an array of NumPy; its values are read on request."""
    label = quoted(member.removesuffix(".npy"))
    head = archive.start(member, HEADER_LIMIT)
    width = {b"\x01\x00": 2, b"\x02\x00": 4}.get(head[6:8])
    if not head.startswith(b"\x93NUMPY") or width is None:
        raise DamagedFileError(f"its member {label} is not a NumPy array")
    start = 8 + width + int.from_bytes(head[8 : 8 + width], "little")
    header = head[8 + width : start]
    if b"'|O'" in header or b"'O'" in header:
        raise UnsafeFileError(f"its array {label} holds Python objects, which only pickle reads")
    match = NPY_HEADER.fullmatch(header)
    if match is None:
        raise DamagedFileError(f"its array {label} has a header that describes no numbers")
    order, kind, item, fortran, sides = match.groups()
    dtype = "bool" if kind == b"b" else f"{NPY_KINDS[kind]}{8 * int(item)}"
    if dtype not in ITEM_BYTES:
        raise UnsafeFileError(f"its array {label} has type {dtype}, which weights never have")
    shape = tuple(int(side) for side in sides.replace(b",", b" ").split())
    size = volume(shape) * ITEM_BYTES[dtype]
    total = archive.members[member].size
    if start + size != total:
        raise DamagedFileError(f"its array {label} has {total - start:,} bytes, not {size:,}")

    def values() -> Any:
        import numpy as np

        content = archive.extract(member, start + size)
        stored_type = np.dtype(dtype).newbyteorder(">" if order == b">" else "<")
        flat = np.frombuffer(content, stored_type, offset=start).astype(dtype, copy=False)
        return flat.reshape(shape, order="F" if fortran == b"True" else "C")

    return StoredTensor(shape, dtype, values, archive.members[member].stored_bytes)
