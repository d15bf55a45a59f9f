"""Lists the initialisers of an ONNX file without building its graph.

ONNX is protobuf: fields with a number, a wire type and a value, in any order. Only the fields that
contain initialisers are parsed; the others are skipped by their length. The numbers are those of
onnx.proto3.
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
    Contents,
    StoredTensor,
    add_tensor,
)

MAXIMUM_FIELDS = 1_000_000
BUFFER = 2**16
"""Bytes that are read at once to parse fields."""

# The values of TensorProto.DataType that weights may have.
DTYPES = {1: "float32", 6: "int32", 7: "int64", 10: "float16", 11: "float64", 16: "bfloat16"}
# Field numbers of ModelProto, GraphProto and TensorProto.
_GRAPH = 7
_INITIALIZER, _SPARSE = 5, 15
_DIMS, _DTYPE, _FLOATS, _NAME, _RAW, _DOUBLES, _EXTERNAL, _LOCATION = 1, 2, 4, 8, 9, 10, 13, 14
_PACKED = {_FLOATS: "float32", _DOUBLES: "float64"}


@dataclass
class _Tensor:
    """The fields of a TensorProto."""

    name: str = ""
    dims: list[int] = field(default_factory=list)
    dtype: int = 0
    values: Region | None = None
    values_type: str = ""
    """Type of the elements of `values`; empty for raw bytes of type `dtype`."""


class _Scanner:
    """Parses the fields of messages, and counts them against `MAXIMUM_FIELDS`."""

    def __init__(self) -> None:
        self.fields_left = MAXIMUM_FIELDS

    def fields(self, region: Region) -> Iterator[tuple[int, int | Region]]:
        """Yields the number of each field of a message, and its integer or its region of bytes."""
        position, start, buffer = 0, 0, b""
        while position < region.size:
            self.fields_left -= 1
            if self.fields_left < 0:
                raise UnsafeFileError(f"it has more than {MAXIMUM_FIELDS:,} fields")
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
                raise DamagedFileError("it is not an ONNX file, or is damaged")


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """Returns the integer of variable length at a position, and the position after it."""
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            break
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise DamagedFileError("it is not an ONNX file, or is truncated")


def read(region: Region) -> Contents:
    """Returns the initialisers of an ONNX file, without their values.

    Tensors stored in other files are refused.
    """
    scanner = _Scanner()
    graphs = [value for number, value in scanner.fields(region) if number == _GRAPH]
    if len(graphs) != 1 or not isinstance(graphs[0], Region):
        raise DamagedFileError("it has no graph; it is not an ONNX file, or is damaged")
    tensors: dict[str, StoredTensor] = {}
    for number, value in scanner.fields(graphs[0]):
        if number == _SPARSE:
            raise UnsafeFileError("it has sparse tensors, which are not supported")
        if number == _INITIALIZER and isinstance(value, Region):
            tensor = _tensor(scanner, value)
            add_tensor(tensors, tensor.name, _stored(tensor))
    if not tensors:
        raise DamagedFileError("it has no initialisers; it is not an ONNX file with weights")
    return Contents("onnx", tensors)


def _tensor(scanner: _Scanner, region: Region) -> _Tensor:
    tensor = _Tensor()
    for number, value in scanner.fields(region):
        content = value if isinstance(value, Region) else None
        if number == _NAME and content is not None:
            if content.size > MAXIMUM_NAME:
                raise UnsafeFileError(f"a tensor's name has {content.size:,} bytes")
            tensor.name = content.read().decode("utf-8")
        elif number == _DTYPE and isinstance(value, int):
            tensor.dtype = value
        elif number == _DIMS:
            tensor.dims += [value] if isinstance(value, int) else _varints(content)
            if len(tensor.dims) > MAXIMUM_RANK:
                raise DamagedFileError("one of its tensors has an impossible shape")
        elif number == _EXTERNAL or (number == _LOCATION and value):
            raise UnsafeFileError("one of its tensors is stored in another file")
        elif number == _RAW or number in _PACKED:
            if tensor.values is not None or content is None:
                raise DamagedFileError("one of its tensors has two values")
            tensor.values, tensor.values_type = content, _PACKED.get(number, "")
    return tensor


def _varints(region: Region | None) -> list[int]:
    data = b"" if region is None else region.read(0, min(region.size, 10 * MAXIMUM_RANK))
    values, position = [], 0
    while position < len(data):
        value, position = _varint(data, position)
        values.append(value)
    return values


def _stored(tensor: _Tensor) -> StoredTensor:
    label, shape = quoted(tensor.name), tuple(tensor.dims)
    dtype = DTYPES.get(tensor.dtype)
    if dtype is None:
        raise UnsafeFileError(f"its tensor {label} has a type that weights never have")
    count = volume(shape)
    if tensor.values is None and count:
        return StoredTensor(shape, dtype, _unreadable(label), 0)
    values = Region(-1, 0, 0) if tensor.values is None else tensor.values
    if tensor.values_type not in ("", dtype) or values.size != count * ITEM_BYTES[dtype]:
        raise DamagedFileError(f"its tensor {label} has {values.size:,} bytes for {count:,} values")
    return StoredTensor(shape, dtype, values, values.size)


def _unreadable(label: str) -> Callable[[], Any]:
    """Returns a function that raises UnsafeFileError, for a tensor with one field per value.

    Exporters store shapes (integers) in this way, and never weights.
    """

    def refuse() -> Any:
        raise UnsafeFileError(f"its tensor {label} is stored number by number; export it again")

    return refuse
