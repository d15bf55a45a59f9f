"""The initialisers of an ONNX file, found without building its graph.

ONNX is protobuf: fields of a number, a wire type and a value, in any order. Only those on the way
to the initialisers are looked at, the rest is skipped by its length (onnx.proto3; protobuf's
encoding).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from kerascnn.errors import DamagedFileError, UnsafeFileError
from kerascnn.fileio.pickle_machine import MAXIMUM_RANK
from kerascnn.fileio.untrusted import quoted
from kerascnn.weights.formats.byte_range import ITEM_BYTES, Region, volume
from kerascnn.weights.formats.tensor_table import (
    MAXIMUM_NAME,
    MAXIMUM_TENSORS,
    Contents,
    Stored,
)

MAXIMUM_FIELDS = 1_000_000
BUFFER = 2**16

# TensorProto.DataType.
DTYPES = {1: "float32", 6: "int32", 7: "int64", 10: "float16", 11: "float64", 16: "bfloat16"}
_GRAPH, _INITIALIZER, _SPARSE = 7, 5, 15  # of ModelProto; of GraphProto
_DIMS, _DTYPE, _FLOATS, _NAME, _RAW, _DOUBLES, _EXTERNAL, _LOCATION = 1, 2, 4, 8, 9, 10, 13, 14
_PACKED = {_FLOATS: "float32", _DOUBLES: "float64"}


@dataclass
class _Tensor:
    """What a TensorProto says."""

    name: str = ""
    dims: list[int] = field(default_factory=list)
    dtype: int = 0
    place: Region | None = None
    kind: str = ""
    """Type of the values at `place`."""


class _Scanner:
    """Walks over the fields of messages, a limited number of them."""

    def __init__(self) -> None:
        self.left = MAXIMUM_FIELDS

    def fields(self, region: Region) -> Iterator[tuple[int, int | Region]]:
        """Yields the number of each field, with its value or the place of its bytes."""
        position, start, buffer = 0, 0, b""
        while position < region.size:
            self.left -= 1
            if self.left < 0:
                raise UnsafeFileError(f"it has more than {MAXIMUM_FIELDS:,} parts")
            # A field's number, and its value or length, take 20 bytes at most.
            if position + 20 > start + len(buffer):
                start = position
                buffer = region.read(start, min(BUFFER, region.size - start))
            tag, at = _varint(buffer, position - start)
            number, wire = tag >> 3, tag & 7
            if wire == 0:
                value, at = _varint(buffer, at)
                yield number, value
                position = start + at
            elif wire in (1, 2, 5):
                size = {1: 8, 5: 4}.get(wire)
                if size is None:
                    size, at = _varint(buffer, at)
                yield number, region.part(start + at, size)
                position = start + at + size
            else:
                raise DamagedFileError("it is no ONNX file, or damaged")


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            break
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise DamagedFileError("it is no ONNX file, or truncated")


def read(region: Region) -> Contents:
    """Returns the constant tensors of the graph; those in other files are refused."""
    scanner = _Scanner()
    graphs = [one for number, one in scanner.fields(region) if number == _GRAPH]
    if len(graphs) != 1 or not isinstance(graphs[0], Region):
        raise DamagedFileError("it has no graph; it is no ONNX file, or damaged")
    tensors: dict[str, Stored] = {}
    for number, value in scanner.fields(graphs[0]):
        if number == _SPARSE:
            raise UnsafeFileError("it has sparse tensors, which are not read here")
        if number == _INITIALIZER and isinstance(value, Region):
            tensor = _tensor(scanner, value)
            if tensor.name in tensors:
                raise DamagedFileError(f"it has two tensors called {quoted(tensor.name)}")
            if len(tensors) == MAXIMUM_TENSORS:
                raise UnsafeFileError(f"it has more than {MAXIMUM_TENSORS:,} tensors")
            tensors[tensor.name] = _stored(tensor)
    if not tensors:
        raise DamagedFileError("it has no initialisers; it is no ONNX file with weights")
    return Contents("onnx", tensors)


def _tensor(scanner: _Scanner, region: Region) -> _Tensor:
    tensor = _Tensor()
    for number, value in scanner.fields(region):
        inside = value if isinstance(value, Region) else None
        if number == _NAME and inside is not None:
            if inside.size > MAXIMUM_NAME:
                raise UnsafeFileError(f"a tensor's name has {inside.size:,} letters")
            tensor.name = inside.read().decode("utf-8")
        elif number == _DTYPE and isinstance(value, int):
            tensor.dtype = value
        elif number == _DIMS:
            tensor.dims += [value] if isinstance(value, int) else _varints(inside)
            if len(tensor.dims) > MAXIMUM_RANK:
                raise DamagedFileError("one of its tensors has an impossible shape")
        elif number == _EXTERNAL or (number == _LOCATION and value):
            raise UnsafeFileError("one of its tensors lies in another file")
        elif number == _RAW or number in _PACKED:
            if tensor.place is not None or inside is None:
                raise DamagedFileError("one of its tensors has two values")
            tensor.place, tensor.kind = inside, _PACKED.get(number, "")
    return tensor


def _varints(region: Region | None) -> list[int]:
    data = b"" if region is None else region.read(0, min(region.size, 10 * MAXIMUM_RANK))
    found, position = [], 0
    while position < len(data):
        value, position = _varint(data, position)
        found.append(value)
    return found


def _stored(tensor: _Tensor) -> Stored:
    label, shape = quoted(tensor.name), tuple(tensor.dims)
    dtype = DTYPES.get(tensor.dtype)
    if dtype is None:
        raise UnsafeFileError(f"its tensor {label} is of a type that no weights are")
    count = volume(shape)
    if tensor.place is None and count:
        return Stored(shape, dtype, _unreadable(label), 0)
    place = Region(-1, 0, 0) if tensor.place is None else tensor.place
    if tensor.kind not in ("", dtype) or place.size != count * ITEM_BYTES[dtype]:
        raise DamagedFileError(f"its tensor {label} has {place.size:,} bytes for {count:,} values")

    return Stored(shape, dtype, place, place.size)


def _unreadable(label: str) -> Callable[[], Any]:
    """Whole numbers may be stored one by one, as exporters store shapes; weights are not."""

    def refuse() -> Any:
        raise UnsafeFileError(f"its tensor {label} is stored number by number; export it again")

    return refuse
