"""Bytes of an open file, read where and when they are asked for.

Nothing is mapped into memory: a file that shrinks while it is read is then an error and no signal,
and what was read of it is not counted as memory of the process.
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
"""Bytes that are read at once."""

ALIGNMENT = 64
"""Bytes; what TensorFlow takes over without a copy begins at a multiple of it."""

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
"""Bytes of one element; NumPy's names, and "bfloat16"."""


def volume(shape: Sequence[int]) -> int:
    """Returns the number of elements of a shape, without overflow."""
    total = 1
    for side in shape:
        total *= side
    return total


def aligned(shape: Sequence[int], dtype: Any) -> numpy.ndarray:
    """Returns an array, not filled, that begins at a multiple of `ALIGNMENT` bytes."""
    import numpy as np

    kind = np.dtype(dtype)
    size = volume(shape) * kind.itemsize
    room = np.empty(size + ALIGNMENT, np.uint8)
    start = -room.ctypes.data % ALIGNMENT
    return room[start : start + size].view(kind).reshape(shape)


class Scratch:
    """Memory that is used again for one array after another.

    What the system gives a process anew, it fills with zeros first, page by page.
    """

    def __init__(self) -> None:
        self._room: numpy.ndarray | None = None

    def array(self, count: int, dtype: numpy.dtype) -> numpy.ndarray:
        """Returns an array, not filled; the last one that was returned is gone."""
        size = count * dtype.itemsize
        if self._room is None or self._room.nbytes < size:
            self._room = aligned((size,), "u1")
        return self._room[:size].view(dtype)


class Region:
    """A run of bytes of an open file.

    Args:
        descriptor: of the file; must stay open as long as the region is read.
        begin: first byte, from the file's start.
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
        """Returns `size` bytes from `offset` on; all of the region by default."""
        part = self.part(offset, self.size - offset if size is None else size)
        made = os.pread(self._descriptor, part.size, part._begin)
        if len(made) == part.size:
            return made
        whole = bytearray(part.size)  # the system reads at most two gigabytes at once
        part._fill(memoryview(whole), 0)
        return bytes(whole)

    def array(
        self,
        dtype: str,
        count: int,
        offset: int = 0,
        order: Literal["<", ">"] = "<",
        scratch: Scratch | None = None,
    ) -> numpy.ndarray:
        """Returns `count` elements from `offset` on, of the machine's byte order.

        Args:
            dtype: a key of `ITEM_BYTES`; bfloat16 comes as uint16.
            count: number of elements.
            offset: of the first, in bytes.
            order: "<" when the file is little-endian, ">" when it is big-endian.
            scratch: where the values may lie; they are read-only then, and gone when it is used
                for the next array.
        """
        import numpy as np

        kind = np.dtype("uint16" if dtype == "bfloat16" else dtype).newbyteorder(order)
        part = self.part(offset, count * kind.itemsize)
        made = aligned((count,), kind) if scratch is None else scratch.array(count, kind)
        if count:
            part._fill(made.view("u1").data, 0)
        if scratch is not None:
            made.flags.writeable = False
        return made.astype(kind.newbyteorder("="), copy=False)

    def sha256(self) -> str:
        """Returns the digest of all bytes, 64 hexadecimal digits."""
        digest = hashlib.sha256()
        block = bytearray(min(BLOCK, self.size))
        for offset in range(0, self.size, BLOCK):
            piece = memoryview(block)[: min(BLOCK, self.size - offset)]
            self._fill(piece, offset)
            digest.update(piece)
        return digest.hexdigest()

    def duplicate(self) -> Region:
        """Returns the same bytes through a descriptor of its own, to be closed with `close`."""
        return Region(os.dup(self._descriptor), self._begin, self.size)

    def close(self) -> None:
        """Closes the descriptor of a region that `duplicate` made."""
        os.close(self._descriptor)

    def state(self) -> tuple[int, int]:
        """Returns what changes when somebody writes to the file: its size, the time of writing."""
        status = os.fstat(self._descriptor)
        return status.st_size, status.st_mtime_ns

    def _check(self, offset: int, size: int) -> None:
        if offset < 0 or size < 0 or offset + size > self.size:
            raise DamagedFileError("it is truncated, or damaged: a part of it lies beyond its end")

    def _fill(self, buffer: Any, offset: int) -> None:
        done = 0
        while done < len(buffer):
            piece = buffer[done : done + 2**30]
            got = os.preadv(self._descriptor, [piece], self._begin + offset + done)
            if got == 0:
                raise DamagedFileError("it became shorter while it was read; fetch it again")
            done += got


class Held(Region):
    """A region that has been read already."""

    __slots__ = ("_data",)

    def __init__(self, data: bytes) -> None:
        super().__init__(-1, 0, len(data))
        self._data = data

    def part(self, offset: int, size: int) -> Held:
        self._check(offset, size)
        return Held(self._data[offset : offset + size])

    def read(self, offset: int = 0, size: int | None = None) -> bytes:
        return self.part(offset, self.size - offset if size is None else size)._data

    def _fill(self, buffer: Any, offset: int) -> None:
        buffer[:] = self._data[offset : offset + len(buffer)]


def as_floats(raw: numpy.ndarray, dtype: str) -> numpy.ndarray:
    """Returns stored values as numbers: bfloat16, which NumPy lacks, as float32."""
    if dtype != "bfloat16":
        return raw
    widened: numpy.ndarray = (raw.astype("<u4") << 16).view("<f4")
    return widened
