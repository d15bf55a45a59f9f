"""The members of a zip archive, checked before any is opened.

zipfile would take names twice, bytes in front of the archive and behind it, and a directory of any
size. This reader takes what PyTorch, NumPy and Keras write (APPNOTE 6.3, with zip64).
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

_END, _END64, _LOCATOR64 = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_STORED, _DEFLATED = 0, 8
_ENCRYPTED, _UTF8 = 0x1, 0x800
_LINK = 0o120000


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive, and where its bytes lie."""

    name: str
    packed: bool
    begin: int
    held: int
    """Bytes in the archive."""
    size: int
    """Bytes when unpacked."""
    checksum: int


class Zipped:
    """An archive whose members are regular, unique, apart from each other and of a sane size.

    Args:
        region: the file.

    Raises:
        DamagedFileError: it is no complete archive.
        UnsafeFileError: a member leaves the archive, comes twice, is encrypted or swells absurdly.
    """

    def __init__(self, region: Region) -> None:
        self.region = region
        self.members: dict[str, Member] = {}
        for member in self._directory():
            if member.name in self.members:
                raise UnsafeFileError(f"its member {quoted(member.name)} comes twice")
            self.members[member.name] = member
        self._check_apart()

    def view(self, name: str) -> Region:
        """Returns where the bytes of a stored member lie; a compressed one is refused."""
        member = self.members[name]
        if member.packed:
            raise UnsafeFileError(
                f"its tensor data {quoted(name)} is compressed; save the file again with the "
                "library that wrote it"
            )
        return self.region.part(member.begin, member.held)

    def extract(self, name: str, limit: int) -> bytes:
        """Returns the bytes of a member, compressed or not, up to `limit`, its CRC checked."""
        member = self.members[name]
        if member.size > limit:
            raise UnsafeFileError(
                f"its member {quoted(name)} has {member.size:,} bytes, more than {limit:,}"
            )
        found = self.start(name, member.size + 1)
        if len(found) != member.size or zlib.crc32(found) != member.checksum:
            raise DamagedFileError(f"its member {quoted(name)} is damaged (its checksum differs)")
        return found

    def start(self, name: str, most: int) -> bytes:
        """Returns the first bytes of a member, at most `most`, unpacked, their CRC not checked."""
        member = self.members[name]
        if not member.packed:
            return self.region.read(member.begin, min(member.held, most))
        machine = zlib.decompressobj(-zlib.MAX_WBITS)
        found = bytearray()
        try:
            for offset in range(0, member.held, 2**20):
                size = min(2**20, member.held - offset)
                piece = self.region.read(member.begin + offset, size)
                found += machine.decompress(piece, most - len(found))
                if len(found) >= most or machine.eof:
                    break
        except zlib.error as error:
            raise DamagedFileError(f"its member {quoted(name)} cannot be unpacked") from error
        return bytes(found)

    def _directory(self) -> Iterator[Member]:
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
            raise DamagedFileError("its directory has more than its members")

    def _end(self) -> tuple[int, int, int, int]:
        """Returns the number of members, and the size, place and end of the directory."""
        size = self.region.size
        tail = self.region.read(max(size - 22, 0))
        if len(tail) != 22 or not tail.startswith(_END) or tail[20:] != b"\0\0":
            raise DamagedFileError(
                "it begins like a zip archive and does not end like one; it is truncated, or has "
                "a tail"
            )
        disk, first, here, count, length, offset = struct.unpack("<4xHHHHII2x", tail)
        end = size - 22
        if end >= 20 and (locator := self.region.read(end - 20, 20)).startswith(_LOCATOR64):
            place, disks = struct.unpack("<8xQI", locator)
            end -= 20
            if place + 56 != end or disks > 1:
                raise DamagedFileError("the end of its directory is damaged")
            record = self.region.read(place, 56)
            if not record.startswith(_END64):
                raise DamagedFileError("the end of its directory is damaged")
            disk, first, here, count, length, offset = struct.unpack("<16xIIQQQQ", record)
            end = place
        if disk or first or here != count:
            raise UnsafeFileError("it is one part of an archive of several files")
        return count, length, offset, end

    def _member(self, fixed: tuple[int, ...], raw: bytes, extra: bytes, directory: int) -> Member:
        flags, method, checksum, held, size, *_, attributes, header = fixed
        name = raw.decode("utf-8" if flags & _UTF8 else "cp437", "replace")
        label = quoted(name)
        parts = name.replace("\\", "/").split("/")
        if parts[0] == "" or ".." in parts or ":" in parts[0] or "\0" in name:
            raise UnsafeFileError(f"its member {label} would lie outside of it")
        if flags & _ENCRYPTED:
            raise UnsafeFileError(f"its member {label} is encrypted")
        if (attributes >> 16) & 0o170000 == _LINK:
            raise UnsafeFileError(f"its member {label} is a link")
        if method not in (_STORED, _DEFLATED):
            raise UnsafeFileError(f"its member {label} is packed in an unusual way")
        size, held, header = _zip64(extra, size, held, header)
        if method == _STORED and held != size:
            raise DamagedFileError(f"its member {label} has two different sizes")
        check_expansion(f"its member {label}", size, held)
        begin = self._check_header(header, raw, fixed, label)
        if begin + held > directory:
            raise DamagedFileError(f"its member {label} lies beyond its end; it is truncated")
        return Member(name, method == _DEFLATED, begin, held, size, checksum)

    def _check_header(self, place: int, raw: bytes, fixed: tuple[int, ...], label: str) -> int:
        """Returns where the bytes behind a member's own header begin; it must agree."""
        header = self.region.read(place, 30 + len(raw))
        if not header.startswith(b"PK\x03\x04"):
            raise DamagedFileError(f"its member {label} has no header")
        flags, method, checksum, _, _, length, extra = struct.unpack("<4x2xHH4xIIIHH", header[:30])
        same = flags & _ENCRYPTED == 0 and method == fixed[1]
        # With bit 3 the checksum follows the data instead.
        same = same and (checksum == fixed[2] or flags & 0x8 != 0)
        if not same or length != len(raw) or header[30:] != raw:
            raise UnsafeFileError(f"its member {label} is described in two ways")
        return place + 30 + length + extra

    def _check_apart(self) -> None:
        end = 0
        for member in sorted(self.members.values(), key=lambda one: one.begin):
            if member.begin < end:
                raise UnsafeFileError(f"its member {quoted(member.name)} overlaps another")
            end = member.begin + member.held


def _zip64(extra: bytes, size: int, held: int, header: int) -> tuple[int, int, int]:
    """Returns the numbers, those that do not fit 32 bits taken from the extra field."""
    values = [size, held, header]
    wanted = [index for index, value in enumerate(values) if value == 0xFFFFFFFF]
    position = 0
    while wanted and position + 4 <= len(extra):
        kind, length = struct.unpack("<HH", extra[position : position + 4])
        if kind == 1:
            field = extra[position + 4 : position + 4 + length]
            if len(field) < 8 * len(wanted):
                raise DamagedFileError("its directory is damaged")
            for place, index in enumerate(wanted):
                values[index] = struct.unpack("<Q", field[8 * place : 8 * place + 8])[0]
            return values[0], values[1], values[2]
        position += 4 + length
    return values[0], values[1], values[2]
