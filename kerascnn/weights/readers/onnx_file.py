"""The initialisers of an ONNX file."""

from __future__ import annotations

from typing import Any, BinaryIO

from kerascnn.errors import DamagedFileError, UnsafeFileError
from kerascnn.weights.checkpoint import ITEM_BYTES, Contents, Stored

DTYPES = {1: "float32", 6: "int32", 7: "int64", 10: "float16", 11: "float64", 16: "bfloat16"}


def read(stream: BinaryIO, data: memoryview) -> Contents:
    """Returns the constant tensors of the graph; those in other files are refused."""
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.ModelProto.FromString(bytes(data))
    except DecodeError as error:
        raise DamagedFileError("it is no ONNX file, or truncated") from error
    tensors = {one.name: _stored(one) for one in model.graph.initializer}
    if not tensors:
        raise DamagedFileError("it has no initialisers; it is no ONNX file with weights")
    return Contents("onnx", tensors)


def _stored(tensor: Any) -> Stored:
    from onnx import numpy_helper

    label = tensor.name[:60]
    if tensor.data_location == 1 or tensor.external_data:
        raise UnsafeFileError(f"its tensor {label!r} lies in another file")
    if tensor.data_type not in DTYPES:
        raise UnsafeFileError(f"its tensor {label!r} is of a type that no weights are")
    shape, dtype = tuple(tensor.dims), DTYPES[tensor.data_type]
    size = ITEM_BYTES[dtype]
    for side in shape:
        if side < 0:
            raise DamagedFileError(f"its tensor {label!r} has the shape {shape}")
        size *= side
    if tensor.raw_data and len(tensor.raw_data) != size:
        raise DamagedFileError(
            f"its tensor {label!r} has {len(tensor.raw_data):,} bytes, not {size:,}"
        )

    def values() -> Any:
        found = numpy_helper.to_array(tensor)
        return found.astype("float32") if dtype == "bfloat16" else found

    return Stored(shape, dtype, values)
