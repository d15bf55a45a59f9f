"""Parses the part of the HDF5 format that Keras writes: groups, attributes and contiguous arrays.

The HDF5 library is not safe for untrusted files: it is written in C, follows links into other
files, allocates arrays that have no bytes in the file, and decompresses without a limit. This
reader accepts hard links and contiguous arrays, and raises an error that names anything else.

Format: https://docs.hdfgroup.org/hdf5/develop/_f_m_t3.html. The numbers in comments, such as III.E,
are its sections.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from kerascnn.errors import DamagedFileError, UnsafeFileError
from kerascnn.fileio.untrusted import quoted
from kerascnn.weights.formats.byte_range import BytesRegion, Region, volume

SIGNATURE = b"\x89HDF\r\n\x1a\n"
UNDEFINED = 2**64 - 1
"""The address that stands for "no address"."""

TEXT_LIMIT = 8 * 2**20
"""Bytes of a text or a list of texts."""
READ_LIMIT = 32 * 2**20
"""Total bytes of headers, names and texts of a file; a network of 2,000 tensors has 4 MB."""
MAXIMUM_MESSAGES = 300_000
"""Total header messages of a file."""
MAXIMUM_BLOCKS = 1_000
"""Blocks of an object's header, or nodes of a group's tree."""

# Types of header messages (IV.A.2).
_SPACE, _LINK_INFO, _TYPE, _EXTERNAL, _LINK, _LAYOUT = 0x01, 0x02, 0x03, 0x07, 0x06, 0x08
_FILTERS, _ATTRIBUTE, _CONTINUED, _TABLE, _ATTRIBUTE_INFO = 0x0B, 0x0C, 0x10, 0x11, 0x15

VARIABLE = "text of any length"
TWO_BYTES = "two bytes"

# Position and size of the exponent, position and size of the mantissa, and the exponent's bias.
_FLOATS = {
    (10, 5, 0, 10, 15): "float16",
    (7, 8, 0, 7, 127): "bfloat16",
    (23, 8, 0, 23, 127): "float32",
    (52, 11, 0, 52, 1023): "float64",
}


@dataclass(frozen=True)
class DataType:
    """The type of an array's elements.

    Args:
        name: a key of `ITEM_BYTES`, "text", VARIABLE, TWO_BYTES, or a description for messages.
        size: bytes of an element.
        order: "<" for little-endian numbers, ">" for big-endian ones.
    """

    name: str
    size: int
    order: Literal["<", ">"] = "<"


@dataclass(frozen=True)
class Array:
    """An array of the file, or the value of an attribute: its shape, its type and its bytes."""

    shape: tuple[int, ...]
    type: DataType
    region: Region


@dataclass
class Node:
    """An object of the file: a group with `members` (name -> address), or an array."""

    attributes: dict[str, Array] = field(default_factory=dict)
    members: dict[str, int] = field(default_factory=dict)
    array: Array | None = None


def _number(data: bytes, offset: int, size: int) -> int:
    """Returns the little-endian integer of `size` bytes at an offset."""
    if offset + size > len(data):
        raise DamagedFileError("one of its objects ends early; the file is damaged")
    return int.from_bytes(data[offset : offset + size], "little")


def _unsupported(what: str) -> UnsafeFileError:
    """Returns the error for a feature of HDF5 that Keras does not use."""
    return UnsafeFileError(
        f"{what}, which Keras does not write; load it in Keras and write it again with "
        "model.save_weights"
    )


class Hdf5:
    """An HDF5 file.

    Args:
        region: the file.

    Raises:
        DamagedFileError: it is truncated, has bytes behind its end, or is damaged.
        UnsafeFileError: it has what Keras does not write: links, other files, compressed arrays.
    """

    def __init__(self, region: Region) -> None:
        self.region = region
        self._bytes_left, self._messages_left = READ_LIMIT, MAXIMUM_MESSAGES
        head = self._read(0, min(region.size, 96))
        version = head[8:9]
        if not head.startswith(SIGNATURE) or len(head) < 48:
            raise DamagedFileError("it is not an HDF5 file, or is truncated")
        # II.A: the version decides the positions of the sizes, the file's end and the root.
        if version in (b"\0", b"\1"):
            sizes, base = head[13:15], 24 + 4 * head[8]
            offsets = (base, base + 16, base + 40)
        elif version in (b"\2", b"\3"):
            sizes, offsets = head[9:11], (12, 28, 36)
        else:
            raise DamagedFileError("it is HDF5 of an unknown version, or damaged")
        start, end, self.root = (_number(head, offset, 8) for offset in offsets)
        if sizes != b"\x08\x08" or start != 0:
            raise _unsupported(
                "its addresses do not have eight bytes, or do not count from its start"
            )
        if end != region.size:
            raise DamagedFileError(
                f"it has {region.size:,} bytes and its header says {end:,}; it is truncated or has "
                "a tail of other bytes"
            )

    def _read(self, offset: int, size: int) -> bytes:
        self._bytes_left -= size
        if self._bytes_left < 0:
            raise UnsafeFileError("its headers are absurdly large")
        return self.region.read(offset, size)

    def node(self, address: int) -> Node:
        """Returns the object at an address, from the messages of its header."""
        node = Node()
        shape: tuple[int, ...] | None = None
        element: DataType | None = None
        layout: bytes | None = None
        for number, body in self._messages(address):
            if number == _SPACE:
                shape = _shape(body)
            elif number == _TYPE:
                element = _type(body)
            elif number == _LAYOUT:
                layout = body
            elif number == _ATTRIBUTE:
                name, value = self._attribute(body)
                node.attributes[name] = value
            elif number == _TABLE:
                node.members.update(self._table(body))
            elif number == _LINK:
                name, target = _link(body)
                if name in node.members:
                    raise DamagedFileError(f"its member {quoted(name)} appears twice")
                node.members[name] = target
            elif number == _FILTERS:
                raise _unsupported("one of its arrays is compressed")
            elif number == _EXTERNAL:
                raise UnsafeFileError(
                    "one of its arrays is stored in another file; only complete files are read"
                )
            elif number == _LINK_INFO and _number(body, 2 + 8 * (body[1] & 1), 8) != UNDEFINED:
                raise _unsupported("one of its groups is stored as a dense table")
            elif number == _ATTRIBUTE_INFO and _number(body, 2 + 2 * (body[1] & 1), 8) != UNDEFINED:
                raise _unsupported("one of its objects stores attributes as a dense table")
        if layout is not None:
            if shape is None or element is None:
                raise DamagedFileError("one of its arrays has no shape or type")
            region = self._array_region(layout, volume(shape) * element.size)
            node.array = Array(shape, element, region)
        return node

    def texts(self, array: Array) -> list[str]:
        """Returns the texts of an attribute's value."""
        count = volume(array.shape)
        if not count:
            return []
        if array.type.name not in ("text", VARIABLE):
            raise DamagedFileError("one of its attributes is not a text")
        if count * array.type.size > TEXT_LIMIT:
            raise UnsafeFileError("one of its attributes is absurdly large")
        data, size = array.region.read(), array.type.size
        pieces = [data[start : start + size] for start in range(0, count * size, size)]
        if array.type.name == VARIABLE:
            pieces = self._heap_objects(pieces)
        return [piece.split(b"\0")[0].decode("utf-8") for piece in pieces]

    def _heap_objects(self, references: list[bytes]) -> list[bytes]:
        """Returns the texts that references into the global heap point to (III.E)."""
        collections: dict[int, dict[int, bytes]] = {}
        texts, total = [], 0
        for reference in references:
            length, address = _number(reference, 0, 4), _number(reference, 4, 8)
            index = _number(reference, 12, 4)
            if length == 0:
                texts.append(b"")
                continue
            if address not in collections:
                collections[address] = self._heap(address)
            text = collections[address].get(index, b"")[:length]
            total += len(text)
            if len(text) != length or total > TEXT_LIMIT:
                raise DamagedFileError("one of its texts is missing or too long")
            texts.append(text)
        return texts

    def _heap(self, address: int) -> dict[int, bytes]:
        """Returns the objects of a collection of the global heap, by index."""
        head = self._read(address, 16)
        size = _number(head, 8, 8)
        if head[:5] != b"GCOL\x01" or not 16 <= size <= 2 * TEXT_LIMIT:
            raise DamagedFileError("its heap of texts is damaged")
        data = self._read(address, size)
        objects: dict[int, bytes] = {}
        position = 16
        while position + 16 <= size:
            index, length = _number(data, position, 2), _number(data, position + 8, 8)
            if index == 0:
                break
            objects[index] = data[position + 16 : position + 16 + length]
            position += 16 + length + -length % 8
        return objects

    def _messages(self, address: int) -> Iterator[tuple[int, bytes]]:
        """Yields the type and the body of each message of an object's header (IV.A.1)."""
        head = self._read(address, min(34, max(self.region.size - address, 1)))
        new = head.startswith(b"OHDR\x02")
        flags = head[5] if new else 0
        if new:
            start = 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
            width = 1 << (flags & 3)
            blocks = [(address + start + width, _number(head, start, width))]
        elif head[:1] == b"\x01":
            blocks = [(address + 16, _number(head, 8, 4))]
        else:
            raise DamagedFileError("one of its objects has no header")
        for block in range(MAXIMUM_BLOCKS):
            if block == len(blocks):
                return
            for number, body in _split(self._read(*blocks[block]), new, flags):
                self._messages_left -= 1
                if self._messages_left < 0:
                    raise UnsafeFileError("its headers are absurdly large")
                if number == _CONTINUED:
                    where, length = _number(body, 0, 8), _number(body, 8, 8)
                    # A block of a new header has a signature before it and a checksum behind it.
                    blocks.append((where + 4, length - 8) if new else (where, length))
                else:
                    yield number, body
        raise UnsafeFileError("one of its objects has a header in absurdly many blocks")

    def _attribute(self, body: bytes) -> tuple[str, Array]:
        """Returns the name and the value of an attribute (IV.A.2.m)."""
        version = body[0]
        if version not in (1, 2, 3) or (version > 1 and body[1]):
            raise _unsupported("one of its attributes is shared")
        sizes = [_number(body, offset, 2) for offset in (2, 4, 6)]
        position = 9 if version == 3 else 8
        fields = []
        for size in sizes:
            fields.append(body[position : position + size])
            position += size + (-size % 8 if version == 1 else 0)
        name = fields[0].split(b"\0")[0].decode("utf-8")
        element, shape = _type(fields[1]), _shape(fields[2])
        values = BytesRegion(body).part(position, volume(shape) * element.size)
        return name, Array(shape, element, values)

    def _table(self, body: bytes) -> dict[str, int]:
        """Returns the members of an old group, stored as a tree of tables and a heap of names."""
        heap = self._read(_number(body, 8, 8), 32)
        if heap[:5] != b"HEAP\0" or _number(heap, 8, 8) > TEXT_LIMIT:
            raise DamagedFileError("one of its groups has no names")
        names = self._read(_number(heap, 24, 8), _number(heap, 8, 8))
        members: dict[str, int] = {}
        nodes = [_number(body, 0, 8)]
        for index in range(MAXIMUM_BLOCKS):
            if index == len(nodes):
                return members
            head = self._read(nodes[index], 8)
            count = _number(head, 6, 2)
            if head.startswith(b"TREE\0"):
                # III.A.1: two addresses of neighbours, then keys and children alternately.
                data = self._read(nodes[index] + 24, 16 * count)
                nodes.extend(_number(data, 16 * child + 8, 8) for child in range(count))
            elif head.startswith(b"SNOD\x01"):
                data = self._read(nodes[index] + 8, 40 * count)
                for start in range(0, 40 * count, 40):
                    name = _name_at(names, _number(data, start, 8))
                    if _number(data, start + 16, 4) == 2:
                        raise _soft_link(name)
                    if name in members:
                        raise DamagedFileError(f"its member {quoted(name)} appears twice")
                    members[name] = _number(data, start + 8, 8)
            else:
                raise DamagedFileError("one of its groups has no table")
        raise UnsafeFileError("one of its groups is absurdly large, or contains itself in a circle")

    def _array_region(self, layout: bytes, size: int) -> Region:
        """Returns the region of an array's values (IV.A.2.i), which must have `size` bytes."""
        if layout[0] not in (3, 4):
            raise _unsupported("one of its arrays is stored in an old way")
        if layout[1] == 0:
            region: Region = BytesRegion(layout).part(4, _number(layout, 2, 2))
        elif layout[1] == 1:
            address, length = _number(layout, 2, 8), _number(layout, 10, 8)
            if address == UNDEFINED and size:
                raise DamagedFileError("one of its arrays has no values")
            region = self.region.part(0 if not size else address, length if size else 0)
        else:
            raise _unsupported("one of its arrays is stored in pieces, or lies in another file")
        if region.size != size:
            raise DamagedFileError(f"one of its arrays has {region.size:,} bytes, not {size:,}")
        return region


def _split(data: bytes, new: bool, flags: int) -> Iterator[tuple[int, bytes]]:
    """Yields the type and the body of each message in a block of a header."""
    start = (6 if flags & 4 else 4) if new else 8
    position = 0
    while position + start <= len(data):
        width = 1 if new else 2
        number, size = _number(data, position, width), _number(data, position + width, 2)
        body = data[position + start : position + start + size]
        if len(body) != size:
            raise DamagedFileError("one of its objects ends early; the file is damaged")
        if number and data[position + width + 2] & 0x2:
            raise _unsupported("one of its objects shares its type with others")
        yield number, body
        position += start + size


def _shape(body: bytes) -> tuple[int, ...]:
    """Returns the shape of an array (IV.A.2.b)."""
    version, rank = body[0], body[1]
    if version not in (1, 2):
        raise DamagedFileError("one of its shapes is of an unknown version")
    if version == 2 and body[3] == 2:
        return (0,)
    first = 8 if version == 1 else 4
    return tuple(_number(body, first + 8 * axis, 8) for axis in range(rank))


def _type(body: bytes) -> DataType:
    """Returns the type of an array's elements (IV.A.2.d)."""
    kind, bits, size = body[0] & 15, body[1:4], _number(body, 4, 4)
    order: Literal["<", ">"] = ">" if bits[0] & 1 else "<"
    if kind == 0 and (_number(body, 8, 2), _number(body, 10, 2)) == (0, 8 * size):
        return DataType(f"{'int' if bits[0] & 8 else 'uint'}{8 * size}", size, order)
    if kind == 1 and not bits[0] & 0x40 and bits[1] == 8 * size - 1:
        name = _FLOATS.get((*body[12:16], _number(body, 16, 4)), "a non-standard float")
        return DataType(name, size, order)
    if kind == 3:
        return DataType("text", size)
    if kind == 5 and size == 2:
        return DataType(TWO_BYTES, size)
    if kind == 8 and size == 1:
        return DataType("bool", size)
    if kind == 9 and bits[0] & 15 == 1:
        return DataType(VARIABLE, size)
    return DataType(f"class {kind}", size)


def _link(body: bytes) -> tuple[str, int]:
    """Returns the name and the address of a hard link (IV.A.2.g)."""
    flags = body[1]
    position = 2 + (flags >> 3 & 1)
    kind = body[2] if flags & 8 else 0
    position += (8 if flags & 4 else 0) + (1 if flags & 0x10 else 0)
    width = 1 << (flags & 3)
    length = _number(body, position, width)
    position += width
    name = body[position : position + length].decode("utf-8")
    if kind != 0:
        raise _soft_link(name)
    return name, _number(body, position + length, 8)


def _soft_link(name: str) -> UnsafeFileError:
    return UnsafeFileError(f"its member {quoted(name)} is a link to another place or file")


def _name_at(names: bytes, offset: int) -> str:
    """Returns the name that begins at an offset of a group's heap of names."""
    end = names.find(b"\0", offset)
    if offset >= len(names) or end < 0:
        raise DamagedFileError("one of its groups has a member without a name")
    return names[offset:end].decode("utf-8")
