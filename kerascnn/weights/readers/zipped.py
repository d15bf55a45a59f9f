"""The members of a zip archive, checked before any is opened."""

from __future__ import annotations

import struct
import zipfile
import zlib
from typing import BinaryIO

from kerascnn.errors import DamagedFileError, UnsafeFileError

MAXIMUM_MEMBERS = 100_000
EXPANSION_LIMIT = 200
"""How many times larger than its packed form a compressed member may be."""


class Zipped:
    """An archive whose members are regular, unique and of a sane size.

    Args:
        stream: the open file.
        data: the same file, mapped.

    Raises:
        DamagedFileError: it is no complete archive.
        UnsafeFileError: a member leaves the archive, comes twice, is encrypted or swells absurdly.
    """

    def __init__(self, stream: BinaryIO, data: memoryview) -> None:
        self.data = data
        try:
            self.archive = zipfile.ZipFile(stream)
        except (zipfile.BadZipFile, ValueError, OSError, struct.error) as error:
            raise DamagedFileError(
                "it begins like a zip archive and has no directory at its end; it is truncated"
            ) from error
        members = self.archive.infolist()
        if len(members) > MAXIMUM_MEMBERS:
            raise UnsafeFileError(f"it has more than {MAXIMUM_MEMBERS:,} members")
        self.members: dict[str, zipfile.ZipInfo] = {}
        for member in members:
            self._check(member)
            self.members[member.filename] = member

    def _check(self, member: zipfile.ZipInfo) -> None:
        name = member.filename
        label = name[:60]
        if name in self.members:
            raise UnsafeFileError(f"its member {label!r} comes twice")
        parts = name.replace("\\", "/").split("/")
        if name.startswith(("/", "\\")) or ".." in parts or ":" in parts[0] or "\0" in name:
            raise UnsafeFileError(f"its member {label!r} would lie outside of it")
        if member.flag_bits & 0x1:
            raise UnsafeFileError(f"its member {label!r} is encrypted")
        if (member.external_attr >> 16) & 0o170000 == 0o120000:
            raise UnsafeFileError(f"its member {label!r} is a link")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise UnsafeFileError(f"its member {label!r} is packed in an unusual way")
        stored = member.compress_type == zipfile.ZIP_STORED
        if stored and member.compress_size != member.file_size:
            raise DamagedFileError(f"its member {label!r} has two different sizes")
        if member.file_size > EXPANSION_LIMIT * max(member.compress_size, 1) + 2**16:
            raise UnsafeFileError(
                f"its member {label!r} would swell from {member.compress_size:,} to "
                f"{member.file_size:,} bytes"
            )
        if member.header_offset + member.compress_size > len(self.data):
            raise DamagedFileError(f"its member {label!r} lies beyond its end; it is truncated")

    def place(self, member: zipfile.ZipInfo) -> tuple[int, int]:
        """Returns where the bytes of a stored member begin and end in the file."""
        start = member.header_offset
        header = bytes(self.data[start : start + 30])
        if len(header) < 30 or header[:4] != b"PK\x03\x04":
            raise DamagedFileError(f"its member {member.filename[:60]!r} has no header")
        name_length, extra_length = struct.unpack("<HH", header[26:30])
        name = bytes(self.data[start + 30 : start + 30 + name_length])
        if name != member.orig_filename.encode(
            "utf-8" if member.flag_bits & 0x800 else "cp437", "replace"
        ):
            raise UnsafeFileError(
                f"its member {member.filename[:60]!r} has another name in its own header"
            )
        begin = start + 30 + name_length + extra_length
        end = begin + member.compress_size
        if end > len(self.data):
            raise DamagedFileError(f"its member {member.filename[:60]!r} is truncated")
        return begin, end

    def view(self, name: str) -> memoryview:
        """Returns the bytes of a stored member, without a copy; a compressed one is refused."""
        member = self.members[name]
        if member.compress_type != zipfile.ZIP_STORED:
            raise UnsafeFileError(f"its tensor data {name[:60]!r} is compressed; save it again")
        begin, end = self.place(member)
        return self.data[begin:end]

    def extract(self, name: str, limit: int) -> bytes:
        """Returns the bytes of a member, compressed or not, up to `limit`, its CRC checked."""
        member = self.members[name]
        if member.file_size > limit:
            raise UnsafeFileError(
                f"its member {name[:60]!r} has {member.file_size:,} bytes, more than {limit:,}"
            )
        begin, end = self.place(member)
        packed = self.data[begin:end]
        if member.compress_type == zipfile.ZIP_STORED:
            found = bytes(packed)
        else:
            machine = zlib.decompressobj(-zlib.MAX_WBITS)
            try:
                found = machine.decompress(packed, member.file_size + 1)
            except zlib.error as error:
                raise DamagedFileError(f"its member {name[:60]!r} cannot be unpacked") from error
        if len(found) != member.file_size or zlib.crc32(found) != member.CRC:
            raise DamagedFileError(f"its member {name[:60]!r} is damaged (wrong size or checksum)")
        return found
