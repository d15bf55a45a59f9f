"""Parses messages of protobuf: fields with a number, a wire type and a value, in any order."""

from __future__ import annotations

from collections.abc import Iterator

from kerascnn.errors import DamagedFileError, UnsafeFileError
from kerascnn.weights.formats.byte_range import Region

MAXIMUM_FIELDS = 1_000_000
BUFFER = 2**16
"""Bytes that are read at once to parse fields."""


class Scanner:
    """Parses the fields of messages, and counts them against `MAXIMUM_FIELDS`.

    Args:
        what: the kind of file, for messages, such as "an ONNX file".
    """

    def __init__(self, what: str) -> None:
        self.what = what
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
            tag, at = varint(buffer, position - start, self.what)
            number, wire = tag >> 3, tag & 7
            if wire == 0:
                value, at = varint(buffer, at, self.what)
                yield number, value
                position = start + at
            elif wire in (1, 2, 5):
                size = {1: 8, 5: 4}.get(wire)
                if size is None:
                    size, at = varint(buffer, at, self.what)
                yield number, region.part(start + at, size)
                position = start + at + size
            else:
                raise DamagedFileError(f"it is not {self.what}, or is damaged")


def varint(data: bytes, position: int, what: str) -> tuple[int, int]:
    """Returns the integer of variable length at a position, and the position after it.

    Args:
        data: the bytes.
        position: of the integer's first byte.
        what: the kind of file, for the message of a DamagedFileError.
    """
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            break
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise DamagedFileError(f"it is not {what}, or is truncated")
