"""Ranges of bytes in an open file, read on request.

The file is read and not mapped into memory: a file that shrinks meanwhile then causes an error
instead of a signal that ends the process, and its pages do not count as memory of the process.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from kerascnn.errors import DamagedFileError

if TYPE_CHECKING:
    import numpy

BLOCK = 2**22
"""Bytes that are read at once to compute a digest."""
ALIGNMENT = 64
"""TensorFlow uses an array without a copy if its address is a multiple of this number of bytes."""
ITEM_BYTES = {
    "float64": 8,
    "float32": 4,
    "float16": 2,
    "bfloat16": 2,
    "int64": 8,
    "int32": 4,
    "int16": 2,
    "int8": 1,
    "uint8": 1,
    "bool": 1,
    "uint64": 8,
    "uint32": 4,
    "uint16": 2,
}
"""Bytes per element of each type; the names are NumPy's, and "bfloat16"."""


def volume(shape: Sequence[int]) -> int:
    """Returns the number of elements of an array of this shape, as an exact integer."""
    total = 1
    for side in shape:
        total *= side
    return total


def aligned(shape: Sequence[int], dtype: Any) -> numpy.ndarray:
    """Returns an uninitialised array whose address is a multiple of `ALIGNMENT` bytes."""
    import numpy as np

    numpy_type = np.dtype(dtype)
    size = volume(shape) * numpy_type.itemsize
    memory = np.empty(size + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + size].view(numpy_type).reshape(shape)


class Scratch:
    """Memory that is reused for one array after another.

    Reuse is faster, since the operating system fills new memory with zeros first.
    """

    def __init__(self) -> None:
        self._memory: numpy.ndarray | None = None

    def array(self, count: int, dtype: numpy.dtype) -> numpy.ndarray:
        """Returns an uninitialised array, in the same memory as the last array it returned."""
        size = count * dtype.itemsize
        if self._memory is None or self._memory.nbytes < size:
            self._memory = aligned((size,), "u1")
        return self._memory[:size].view(dtype)


class Region:
    """A range of bytes of an open file.

    Args:
        descriptor: the file's descriptor; it must stay open as long as the region is read.
        begin: position of the first byte in the file.
        size: number of bytes.
    """

    __slots__ = ("_begin", "_descriptor", "size")

    def __init__(self, descriptor: int, begin: int, size: int) -> None:
        self._descriptor, self._begin, self.size = descriptor, begin, size

    def part(self, offset: int, size: int) -> Region:
        """Returns the region of `size` bytes that begins at `offset` of this one."""
        self._check(offset, size)
        return Region(self._descriptor, self._begin + offset, size)

    def read(self, offset: int = 0, size: int | None = None) -> bytes:
        """Returns `size` bytes from `offset` on; by default all bytes from `offset` on."""
        part = self.part(offset, self.size - offset if size is None else size)
        data = os.pread(self._descriptor, part.size, part._begin)
        if len(data) == part.size:
            return data
        buffer = bytearray(part.size)  # the system reads at most two gigabytes at once
        part._fill(memoryview(buffer), 0)
        return bytes(buffer)

    def array(
        self,
        dtype: str,
        count: int,
        offset: int = 0,
        order: Literal["<", ">"] = "<",
        scratch: Scratch | None = None,
    ) -> numpy.ndarray:
        """Returns `count` elements from `offset` on, in the machine's byte order.

        Args:
            dtype: type of the elements, a key of `ITEM_BYTES`; bfloat16 is returned as uint16.
            count: number of elements.
            offset: position of the first element in the region, in bytes.
            order: "<" when the file is little-endian, ">" when it is big-endian.
            scratch: memory for the values; the array is then read-only, and valid until `scratch`
                is used again.
        """
        import numpy as np

        stored_type = np.dtype("uint16" if dtype == "bfloat16" else dtype).newbyteorder(order)
        part = self.part(offset, count * stored_type.itemsize)
        if scratch is None:
            values = aligned((count,), stored_type)
        else:
            values = scratch.array(count, stored_type)
        if count:
            part._fill(values.view("u1").data, 0)
        if scratch is not None:
            values.flags.writeable = False
        return values.astype(stored_type.newbyteorder("="), copy=False)

    def sha256(self) -> str:
        """Returns the SHA-256 of the region's bytes, 64 hexadecimal digits."""
        digest = hashlib.sha256()
        buffer = bytearray(min(BLOCK, self.size))
        for offset in range(0, self.size, BLOCK):
            block = memoryview(buffer)[: min(BLOCK, self.size - offset)]
            self._fill(block, offset)
            digest.update(block)
        return digest.hexdigest()

    def duplicate(self) -> Region:
        """Returns the same region with a file descriptor of its own; `close` closes it."""
        return Region(os.dup(self._descriptor), self._begin, self.size)

    def close(self) -> None:
        """Closes the file descriptor of a region that `duplicate` returned."""
        os.close(self._descriptor)

    def state(self) -> tuple[int, int]:
        """Returns the file's size and modification time, which change when it is written to."""
        status = os.fstat(self._descriptor)
        return status.st_size, status.st_mtime_ns

    def _check(self, offset: int, size: int) -> None:
        if offset < 0 or size < 0 or offset + size > self.size:
            raise DamagedFileError("it is truncated or damaged: a part of it would end after it")

    def _fill(self, buffer: Any, offset: int) -> None:
        """Reads the bytes from `offset` on until the buffer is full."""
        done = 0
        while done < len(buffer):
            rest = buffer[done : done + 2**30]
            count = os.preadv(self._descriptor, [rest], self._begin + offset + done)
            if count == 0:
                raise DamagedFileError("it became shorter while it was read; fetch it again")
            done += count


class BytesRegion(Region):
    """A region whose bytes are in memory."""

    __slots__ = ("_data",)

    def __init__(self, data: bytes) -> None:
        super().__init__(-1, 0, len(data))
        self._data = data

    def part(self, offset: int, size: int) -> BytesRegion:
        self._check(offset, size)
        return BytesRegion(self._data[offset : offset + size])

    def read(self, offset: int = 0, size: int | None = None) -> bytes:
        return self.part(offset, self.size - offset if size is None else size)._data

    def _fill(self, buffer: Any, offset: int) -> None:
        buffer[:] = self._data[offset : offset + len(buffer)]


def as_floats(raw: numpy.ndarray, dtype: str) -> numpy.ndarray:
    """Returns stored values as numbers: bfloat16, stored as uint16, becomes float32."""
    if dtype != "bfloat16":
        return raw
    floats: numpy.ndarray = (raw.astype("<u4") << 16).view("<f4")
    return floats
