"""safetensors: eight bytes of header length, a JSON header, and the tensors end to end.

The byte ranges must tile the rest of the file exactly. This reader accepts a subset of what the
official one does: no duplicate names and no blanks before "{".
"""

from __future__ import annotations

import json
from typing import Any, BinaryIO

from kerascnn.errors import DamagedFileError, UnsafeFileError
from kerascnn.weights.checkpoint import ITEM_BYTES, Contents, Stored, as_view

HEADER_LIMIT = 100 * 2**20

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


def read(stream: BinaryIO, data: memoryview) -> Contents:
    """Returns the tensors of the file, unread."""
    length = int.from_bytes(data[:8], "little")
    if length > min(HEADER_LIMIT, len(data) - 8):
        raise DamagedFileError(
            f"its header claims {length:,} bytes of {len(data):,}; the file is truncated or damaged"
        )
    start = 8 + length
    header = _header(bytes(data[8:start]))
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise DamagedFileError("its metadata is not a table of texts")
    tensors: dict[str, Stored] = {}
    ranges: list[tuple[int, int]] = []
    for name, entry in header.items():
        dtype, shape, begin, end = _entry(name, entry)
        ranges.append((begin, end))
        tensors[name] = _stored(data, start + begin, dtype, shape)
    position = 0
    for begin, end in sorted(ranges):
        if begin != position:
            raise DamagedFileError("its tensors overlap or leave holes; write it again")
        position = end
    if start + position != len(data):
        raise DamagedFileError(
            f"it has {len(data):,} bytes and its header describes {start + position:,}; it is "
            "truncated or has a tail"
        )
    return Contents("safetensors", tensors, metadata)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise DamagedFileError("its header names a tensor twice")
    return made


def _header(text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text.decode("utf-8"), object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise DamagedFileError("its header is not JSON; the file is damaged") from error
    if not isinstance(header, dict):
        raise DamagedFileError("its header is not a table; the file is damaged")
    return header


def _entry(name: str, entry: Any) -> tuple[str, tuple[int, ...], int, int]:
    label = name[:60]
    if not isinstance(entry, dict) or not {"dtype", "shape", "data_offsets"} <= set(entry):
        raise DamagedFileError(f"its tensor {label!r} lacks a dtype, a shape or its place")
    kind, shape, place = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(kind, str) or kind not in DTYPES:
        raise UnsafeFileError(f"its tensor {label!r} has a type that is not read here")
    numbers = isinstance(shape, list) and isinstance(place, list) and len(place) == 2
    if not numbers or not all(type(n) is int and 0 <= n < 2**48 for n in (*shape, *place)):
        raise DamagedFileError(f"its tensor {label!r} has an impossible shape or place")
    if len(shape) > 16:
        raise DamagedFileError(f"its tensor {label!r} has {len(shape)} axes")
    begin, end = place
    size = ITEM_BYTES[DTYPES[kind]]
    for side in shape:
        size *= side
    if end - begin != size:
        raise DamagedFileError(f"its tensor {label!r} has {end - begin:,} bytes, not {size:,}")
    return DTYPES[kind], tuple(shape), begin, end


def _stored(data: memoryview, offset: int, dtype: str, shape: tuple[int, ...]) -> Stored:
    return Stored(shape, dtype, lambda: as_view(data, offset, dtype, shape))
