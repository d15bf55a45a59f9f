"""Lists the initialisers of an ONNX file without building its graph.

Only the fields of the protobuf that contain initialisers are parsed; the others are skipped by
their length. The numbers are those of onnx.proto3.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from kerascnn.errors import DamagedFileError, UnsafeFileError
from kerascnn.fileio.pickle_names import MAXIMUM_RANK
from kerascnn.fileio.untrusted import quoted
from kerascnn.weights.formats.byte_range import ITEM_BYTES, Region, volume
from kerascnn.weights.formats.protobuf import Scanner, varint
from kerascnn.weights.formats.tensor_table import (
    MAXIMUM_NAME,
    Contents,
    StoredTensor,
    add_tensor,
)

WHAT = "an ONNX file"

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


def read(region: Region) -> Contents:
    """Returns the initialisers of an ONNX file, without their values.

    Tensors stored in other files are refused.
    """
    scanner = Scanner(WHAT)
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


def _tensor(scanner: Scanner, region: Region) -> _Tensor:
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
        value, position = varint(data, position, WHAT)
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
