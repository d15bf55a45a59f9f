"""Reads zip archives of untrusted origin: checks every member before it reads any.

Python's zipfile accepts duplicate names, bytes before and after the archive, and a directory of any
size. This reader accepts only what PyTorch, NumPy and Keras write (APPNOTE 6.3, with zip64).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from kerascnn.errors import DamagedFileError, UnsafeFileError
from kerascnn.fileio.untrusted import check_expansion, quoted
from kerascnn.weights.formats.byte_range import Region

MAXIMUM_MEMBERS = 40_000
DIRECTORY_LIMIT = 16 * 2**20
BLOCK = 2**20
"""Bytes of a member that are read at once to compute its checksum."""

_END, _END64, _LOCATOR64 = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_STORED, _DEFLATED = 0, 8
_ENCRYPTED, _UTF8 = 0x1, 0x800
_LINK = 0o120000


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive.

    Args:
        name: its name.
        compressed: whether its bytes are compressed.
        begin: position of its first byte in the archive.
        stored_bytes: number of its bytes in the archive.
        size: number of its bytes after decompression.
        checksum: CRC-32 of its bytes after decompression.
    """

    name: str
    compressed: bool
    begin: int
    stored_bytes: int
    size: int
    checksum: int


class Zipped:
    """An archive whose members are regular files, have different names, and do not overlap.

    Args:
        region: the file.

    Raises:
        DamagedFileError: it is not a complete archive.
        UnsafeFileError: a member's name leads out of the archive or appears twice, a member is
            encrypted, or it would expand to an absurd size.
    """

    def __init__(self, region: Region) -> None:
        self.region = region
        self.members: dict[str, Member] = {}
        for member in self._directory():
            if member.name in self.members:
                raise UnsafeFileError(f"its member {quoted(member.name)} appears twice")
            self.members[member.name] = member
        self._check_apart()

    def view(self, name: str) -> Region:
        """Returns the region of an uncompressed member; a compressed one is refused."""
        member = self.members[name]
        if member.compressed:
            raise UnsafeFileError(
                f"its tensor data {quoted(name)} is compressed; save the file again with the "
                "library that wrote it"
            )
        return self.region.part(member.begin, member.stored_bytes)

    def extract(self, name: str, limit: int) -> bytes:
        """Returns the decompressed bytes of a member, at most `limit`, after checking its CRC."""
        member = self.members[name]
        if member.size > limit:
            raise UnsafeFileError(
                f"its member {quoted(name)} has {member.size:,} bytes, more than {limit:,}"
            )
        content = self.start(name, member.size + 1)
        if len(content) != member.size or zlib.crc32(content) != member.checksum:
            raise DamagedFileError(f"its member {quoted(name)} is damaged (its checksum differs)")
        return content

    def start(self, name: str, limit: int) -> bytes:
        """Returns the first decompressed bytes of a member, at most `limit`; checks no CRC."""
        member = self.members[name]
        if not member.compressed:
            return self.region.read(member.begin, min(member.stored_bytes, limit))
        decompressor = zlib.decompressobj(-zlib.MAX_WBITS)
        content = bytearray()
        try:
            for offset in range(0, member.stored_bytes, 2**20):
                size = min(2**20, member.stored_bytes - offset)
                block = self.region.read(member.begin + offset, size)
                content += decompressor.decompress(block, limit - len(content))
                if len(content) >= limit or decompressor.eof:
                    break
        except zlib.error as error:
            raise DamagedFileError(f"its member {quoted(name)} cannot be decompressed") from error
        return bytes(content)

    def check_sums(self) -> None:
        """Reads every member, a piece at a time, and compares its CRC-32.

        Raises:
            DamagedFileError: a checksum or a size differs.
        """
        for name, member in self.members.items():
            checksum, size = 0, 0
            for block in self._blocks(member):
                checksum = zlib.crc32(block, checksum)
                size += len(block)
                if size > member.size:
                    break
            if (checksum, size) != (member.checksum, member.size):
                raise DamagedFileError(
                    f"its member {quoted(name)} is damaged (its checksum differs); fetch or write "
                    "the file again"
                )

    def _blocks(self, member: Member) -> Iterator[bytes]:
        """Yields the decompressed bytes of a member in pieces of at most a megabyte."""
        decompressor = zlib.decompressobj(-zlib.MAX_WBITS)
        for offset in range(0, member.stored_bytes, BLOCK):
            block = self.region.read(
                member.begin + offset, min(BLOCK, member.stored_bytes - offset)
            )
            if not member.compressed:
                yield block
                continue
            try:
                while block:
                    yield decompressor.decompress(block, BLOCK)
                    block = decompressor.unconsumed_tail
            except zlib.error as error:
                raise DamagedFileError(
                    f"its member {quoted(member.name)} cannot be decompressed"
                ) from error

    def _directory(self) -> Iterator[Member]:
        """Yields the members that the archive's central directory lists."""
        count, size, offset, end = self._end()
        if count > MAXIMUM_MEMBERS or size > DIRECTORY_LIMIT:
            raise UnsafeFileError(f"its directory is absurdly large: {count:,} members")
        if offset + size != end:
            raise DamagedFileError("its directory does not end where it says; the file is damaged")
        table = self.region.read(offset, size)
        position = 0
        for _ in range(count):
            if table[position : position + 4] != b"PK\x01\x02" or position + 46 > size:
                raise DamagedFileError("its directory is damaged")
            fixed = struct.unpack("<4x4xHH4xIII3H4xII", table[position : position + 46])
            lengths = fixed[5:8]
            start = position + 46
            position = start + sum(lengths)
            if position > size:
                raise DamagedFileError("its directory is damaged")
            name = table[start : start + lengths[0]]
            extra = table[start + lengths[0] : start + lengths[0] + lengths[1]]
            yield self._member(fixed, name, extra, offset)
        if position != size:
            raise DamagedFileError("its directory is longer than its members need")

    def _end(self) -> tuple[int, int, int, int]:
        """Returns the number of members, and the directory's size, begin and end."""
        size = self.region.size
        tail = self.region.read(max(size - 22, 0))
        if len(tail) != 22 or not tail.startswith(_END) or tail[20:] != b"\0\0":
            raise DamagedFileError(
                "it begins like a zip archive and does not end like one; it is truncated, or has "
                "a tail of other bytes"
            )
        disk, first, here, count, length, offset = struct.unpack("<4xHHHHII2x", tail)
        end = size - 22
        if end >= 20 and (locator := self.region.read(end - 20, 20)).startswith(_LOCATOR64):
            position, disks = struct.unpack("<8xQI", locator)
            end -= 20
            if position + 56 != end or disks > 1:
                raise DamagedFileError("the end of its directory is damaged")
            record = self.region.read(position, 56)
            if not record.startswith(_END64):
                raise DamagedFileError("the end of its directory is damaged")
            disk, first, here, count, length, offset = struct.unpack("<16xIIQQQQ", record)
            end = position
        if disk or first or here != count:
            raise UnsafeFileError("it is one part of an archive of several files")
        return count, length, offset, end

    def _member(self, fixed: tuple[int, ...], raw: bytes, extra: bytes, directory: int) -> Member:
        """Returns a member after its checks.

        Args:
            fixed: the numbers of its directory entry.
            raw: its name, encoded.
            extra: the entry's extra field.
            directory: position of the directory, before which the member must end.
        """
        flags, method, checksum, stored_bytes, size, *_, attributes, header = fixed
        name = raw.decode("utf-8" if flags & _UTF8 else "cp437", "replace")
        label = quoted(name)
        parts = name.replace("\\", "/").split("/")
        if parts[0] == "" or ".." in parts or ":" in parts[0] or "\0" in name:
            raise UnsafeFileError(f"its member {label} would be written outside of it")
        if flags & _ENCRYPTED:
            raise UnsafeFileError(f"its member {label} is encrypted")
        if (attributes >> 16) & 0o170000 == _LINK:
            raise UnsafeFileError(f"its member {label} is a link")
        if method not in (_STORED, _DEFLATED):
            raise UnsafeFileError(f"its member {label} is compressed in an unusual way")
        size, stored_bytes, header = _zip64(extra, size, stored_bytes, header)
        if method == _STORED and stored_bytes != size:
            raise DamagedFileError(f"its member {label} has two different sizes")
        check_expansion(f"its member {label}", size, stored_bytes)
        begin = self._check_header(header, raw, fixed, label)
        if begin + stored_bytes > directory:
            raise DamagedFileError(f"its member {label} ends after it; it is truncated")
        return Member(name, method == _DEFLATED, begin, stored_bytes, size, checksum)

    def _check_header(self, position: int, raw: bytes, fixed: tuple[int, ...], label: str) -> int:
        """Returns where a member's bytes begin; its own header must agree with the directory."""
        header = self.region.read(position, 30 + len(raw))
        if not header.startswith(b"PK\x03\x04"):
            raise DamagedFileError(f"its member {label} has no header")
        flags, method, checksum, _, _, length, extra = struct.unpack("<4x2xHH4xIIIHH", header[:30])
        same = flags & _ENCRYPTED == 0 and method == fixed[1]
        # If bit 3 is set, the checksum is behind the data and not in this header.
        same = same and (checksum == fixed[2] or flags & 0x8 != 0)
        if not same or length != len(raw) or header[30:] != raw:
            raise UnsafeFileError(f"its member {label} is described in two ways")
        return position + 30 + length + extra

    def _check_apart(self) -> None:
        end = 0
        for member in sorted(self.members.values(), key=lambda member: member.begin):
            if member.begin < end:
                raise UnsafeFileError(f"its member {quoted(member.name)} overlaps another")
            end = member.begin + member.stored_bytes


def _zip64(extra: bytes, size: int, stored_bytes: int, header: int) -> tuple[int, int, int]:
    """Returns the three numbers; those too large for 32 bits are read from the extra field."""
    values = [size, stored_bytes, header]
    large = [index for index, value in enumerate(values) if value == 0xFFFFFFFF]
    position = 0
    while large and position + 4 <= len(extra):
        kind, length = struct.unpack("<HH", extra[position : position + 4])
        if kind == 1:
            field = extra[position + 4 : position + 4 + length]
            if len(field) < 8 * len(large):
                raise DamagedFileError("its directory is damaged")
            for order, index in enumerate(large):
                values[index] = struct.unpack("<Q", field[8 * order : 8 * order + 8])[0]
            return values[0], values[1], values[2]
        position += 4 + length
    return values[0], values[1], values[2]
