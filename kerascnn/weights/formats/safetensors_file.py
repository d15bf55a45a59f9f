"""Lists the tensors of safetensors files: the header's length, a JSON header, then all values.

The tensors' byte ranges must cover the rest of the file exactly, without overlaps. This reader is
stricter than the official one: it refuses duplicate names and blanks before "{".
"""

from __future__ import annotations

from typing import Any

from kerascnn.errors import DamagedFileError, UnsafeFileError
from kerascnn.fileio.pickle_names import MAXIMUM_RANK
from kerascnn.fileio.untrusted import quoted
from kerascnn.weights.formats import json_text
from kerascnn.weights.formats.byte_range import ITEM_BYTES, Region, volume
from kerascnn.weights.formats.tensor_table import Contents, StoredTensor

DTYPES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U8": "uint8",
    "BOOL": "bool",
    "U64": "uint64",
    "U32": "uint32",
    "U16": "uint16",
}


def read(region: Region) -> Contents:
    """Returns the tensors of a safetensors file, without their values."""
    length = int.from_bytes(region.read(0, 8), "little")
    if length > region.size - 8:
        raise DamagedFileError(
            f"its header claims {length:,} bytes and the file has {region.size:,}; it is truncated "
            "or damaged"
        )
    if length > json_text.LIMIT:
        raise UnsafeFileError(f"its header is absurdly large: {length:,} bytes")
    start = 8 + length
    header = json_text.parse(region.read(8, length), "header")
    if not isinstance(header, dict):
        raise DamagedFileError("its header is not a table; the file is damaged")
    metadata = json_text.table_of_texts(header.pop("__metadata__", {}), "metadata")
    tensors: dict[str, StoredTensor] = {}
    ranges: list[tuple[int, int]] = []
    for name, entry in header.items():
        dtype, shape, begin, end = _entry(name, entry)
        ranges.append((begin, end))
        tensors[name] = StoredTensor(
            shape, dtype, region.part(start + begin, end - begin), end - begin
        )
    position = 0
    for begin, end in sorted(ranges):
        if begin != position:
            raise DamagedFileError("its tensors overlap or leave gaps; write it again")
        position = end
    if start + position != region.size:
        raise DamagedFileError(
            f"it has {region.size:,} bytes and its header describes {start + position:,}; it is "
            "truncated or has a tail of other bytes"
        )
    return Contents("safetensors", tensors, metadata, ordered=False)


def _entry(name: str, entry: Any) -> tuple[str, tuple[int, ...], int, int]:
    """Returns the type, the shape, and the begin and end of the bytes that an entry describes."""
    label = quoted(name)
    if not isinstance(entry, dict) or not {"dtype", "shape", "data_offsets"} <= set(entry):
        raise DamagedFileError(f"its tensor {label} lacks its dtype, shape or data_offsets")
    kind, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(kind, str) or kind not in DTYPES:
        raise UnsafeFileError(f"its tensor {label} has a type that is not supported")
    lists = isinstance(shape, list) and isinstance(offsets, list) and len(offsets) == 2
    if not lists or not all(type(n) is int and 0 <= n < 2**48 for n in (*shape, *offsets)):
        raise DamagedFileError(f"its tensor {label} has an impossible shape or data_offsets")
    if len(shape) > MAXIMUM_RANK:
        raise DamagedFileError(f"its tensor {label} has {len(shape)} axes")
    begin, end = offsets
    size = ITEM_BYTES[DTYPES[kind]] * volume(shape)
    if end - begin != size:
        raise DamagedFileError(f"its tensor {label} has {end - begin:,} bytes, not {size:,}")
    return DTYPES[kind], tuple(shape), begin, end
