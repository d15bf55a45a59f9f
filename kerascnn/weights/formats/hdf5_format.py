"""The part of the HDF5 format that Keras writes: groups, attributes and plain arrays.

The HDF5 library follows links into other files, fills arrays that have no bytes and unpacks what
swells; and it is C. This reader knows hard links and contiguous arrays, and refuses the rest by
name. Format: https://docs.hdfgroup.org/hdf5/develop/_f_m_t3.html, of which the numbers in comments
are the sections.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from kerascnn.errors import DamagedFileError, UnsafeFileError
from kerascnn.fileio.untrusted import quoted
from kerascnn.weights.formats.byte_range import Held, Region, volume

SIGNATURE = b"\x89HDF\r\n\x1a\n"
UNDEFINED = 2**64 - 1
AGAIN = "; load it in Keras and write it again with model.save_weights"

TEXT_LIMIT = 8 * 2**20
"""Bytes of one text or list of texts."""
READ_LIMIT = 32 * 2**20
"""Bytes of headers, names and texts in all; a network of 2,000 tensors has 4 MB."""
MAXIMUM_MESSAGES = 300_000
MAXIMUM_BLOCKS = 1_000
"""Blocks of one object's header, or nodes of one group's tree."""

# Types of header messages (IV.A.2).
_SPACE, _LINK_INFO, _TYPE, _EXTERNAL, _LINK, _LAYOUT = 0x01, 0x02, 0x03, 0x07, 0x06, 0x08
_FILTERS, _ATTRIBUTE, _CONTINUED, _TABLE, _ATTRIBUTE_INFO = 0x0B, 0x0C, 0x10, 0x11, 0x15

VARIABLE = "text of any length"
TWO_BYTES = "two bytes"


@dataclass(frozen=True)
class DataType:
    """An element: a key of `ITEM_BYTES`, "text", VARIABLE, TWO_BYTES or what else it is."""

    name: str
    size: int
    order: Literal["<", ">"] = "<"


@dataclass(frozen=True)
class Array:
    """A data set, or the value of an attribute: its shape, type, and its bytes."""

    shape: tuple[int, ...]
    type: DataType
    place: Region


@dataclass
class Node:
    """An object of the file: a group with `members` (name -> address), or a data set."""

    attributes: dict[str, Array] = field(default_factory=dict)
    members: dict[str, int] = field(default_factory=dict)
    array: Array | None = None


def _number(data: bytes, offset: int, size: int) -> int:
    if offset + size > len(data):
        raise DamagedFileError("one of its objects ends early; the file is damaged")
    return int.from_bytes(data[offset : offset + size], "little")


def _unusual(what: str) -> UnsafeFileError:
    return UnsafeFileError(f"{what}, which Keras does not write{AGAIN}")


class Hdf5:
    """An HDF5 file.

    Args:
        region: the file.

    Raises:
        DamagedFileError: it is truncated, has a tail or makes no sense.
        UnsafeFileError: it holds what Keras does not write: links, other files, packed arrays.
    """

    def __init__(self, region: Region) -> None:
        self.region = region
        self._left, self._messages_left = READ_LIMIT, MAXIMUM_MESSAGES
        head = self._read(0, min(region.size, 96))
        version = head[8:9]
        if not head.startswith(SIGNATURE) or len(head) < 48:
            raise DamagedFileError("it is no HDF5 file, or truncated")
        # II.A: the version decides where the sizes, the file's end and the root's address stand.
        if version in (b"\0", b"\1"):
            sizes, base = head[13:15], 24 + 4 * head[8]
            places = (base, base + 16, base + 40)
        elif version in (b"\2", b"\3"):
            sizes, places = head[9:11], (12, 28, 36)
        else:
            raise DamagedFileError("it is HDF5 of an unknown version, or damaged")
        start, end, self.root = (_number(head, place, 8) for place in places)
        if sizes != b"\x08\x08" or start != 0:
            raise _unusual("its addresses are not of eight bytes from its start")
        if end != region.size:
            raise DamagedFileError(
                f"it has {region.size:,} bytes and says {end:,}; it is truncated or has a tail"
            )

    def _read(self, offset: int, size: int) -> bytes:
        self._left -= size
        if self._left < 0:
            raise UnsafeFileError("its headers are absurdly large")
        return self.region.read(offset, size)

    def node(self, address: int) -> Node:
        """Returns the object at an address."""
        node = Node()
        space: tuple[int, ...] | None = None
        kind: DataType | None = None
        layout: bytes | None = None
        for number, body in self._messages(address):
            if number == _SPACE:
                space = _space(body)
            elif number == _TYPE:
                kind = _type(body)
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
                    raise DamagedFileError(f"its member {quoted(name)} comes twice")
                node.members[name] = target
            elif number == _FILTERS:
                raise _unusual("one of its arrays is compressed")
            elif number == _EXTERNAL:
                raise UnsafeFileError("one of its arrays lies in another file; only whole files")
            elif number == _LINK_INFO and _number(body, 2 + 8 * (body[1] & 1), 8) != UNDEFINED:
                raise _unusual("one of its groups is stored as a dense table")
            elif number == _ATTRIBUTE_INFO and _number(body, 2 + 2 * (body[1] & 1), 8) != UNDEFINED:
                raise _unusual("one of its objects stores attributes as a dense table")
        if layout is not None:
            if space is None or kind is None:
                raise DamagedFileError("one of its arrays has no shape or type")
            node.array = Array(space, kind, self._place(layout, volume(space) * kind.size))
        return node

    def texts(self, array: Array) -> list[str]:
        """Returns the texts of an attribute, one or several."""
        count = volume(array.shape)
        if not count:
            return []
        if array.type.name not in ("text", VARIABLE):
            raise DamagedFileError("one of its attributes is no text")
        if count * array.type.size > TEXT_LIMIT:
            raise UnsafeFileError("one of its attributes is absurdly large")
        data, size = array.place.read(), array.type.size
        pieces = [data[start : start + size] for start in range(0, count * size, size)]
        if array.type.name == VARIABLE:
            pieces = self._heap_objects(pieces)
        return [piece.split(b"\0")[0].decode("utf-8") for piece in pieces]

    def _heap_objects(self, references: list[bytes]) -> list[bytes]:
        """Returns the texts that lie in the global heap (III.E)."""
        collections: dict[int, dict[int, bytes]] = {}
        found, total = [], 0
        for one in references:
            length, address, index = (_number(one, *place) for place in ((0, 4), (4, 8), (12, 4)))
            if length == 0:
                found.append(b"")
                continue
            if address not in collections:
                collections[address] = self._heap(address)
            text = collections[address].get(index, b"")[:length]
            total += len(text)
            if len(text) != length or total > TEXT_LIMIT:
                raise DamagedFileError("one of its texts is missing or too long")
            found.append(text)
        return found

    def _heap(self, address: int) -> dict[int, bytes]:
        head = self._read(address, 16)
        size = _number(head, 8, 8)
        if head[:5] != b"GCOL\x01" or not 16 <= size <= 2 * TEXT_LIMIT:
            raise DamagedFileError("its store of texts is damaged")
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
        """Yields type and body of the messages of an object's header (IV.A.1)."""
        head = self._read(address, min(34, max(self.region.size - address, 1)))
        new = head.startswith(b"OHDR\x02")
        flags = head[5] if new else 0
        if new:
            place = 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
            width = 1 << (flags & 3)
            blocks = [(address + place + width, _number(head, place, width))]
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
                    # A block of the new form is framed by a signature and a checksum.
                    blocks.append((where + 4, length - 8) if new else (where, length))
                else:
                    yield number, body
        raise UnsafeFileError("one of its objects has a header in absurdly many pieces")

    def _attribute(self, body: bytes) -> tuple[str, Array]:
        """Returns name and value of an attribute (IV.A.2.m)."""
        version = body[0]
        if version not in (1, 2, 3) or (version > 1 and body[1]):
            raise _unusual("one of its attributes is shared")
        sizes = [_number(body, place, 2) for place in (2, 4, 6)]
        position = 9 if version == 3 else 8
        pieces = []
        for size in sizes:
            pieces.append(body[position : position + size])
            position += size + (-size % 8 if version == 1 else 0)
        name = pieces[0].split(b"\0")[0].decode("utf-8")
        kind = _type(pieces[1])
        shape = _space(pieces[2])
        return name, Array(shape, kind, Held(body).part(position, volume(shape) * kind.size))

    def _table(self, body: bytes) -> dict[str, int]:
        """Returns the members of a group of the old form: a tree of tables, a heap of names."""
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
                # III.A.1: keys and children in turn, behind the addresses of the neighbours.
                data = self._read(nodes[index] + 24, 16 * count)
                nodes.extend(_number(data, 16 * child + 8, 8) for child in range(count))
            elif head.startswith(b"SNOD\x01"):
                data = self._read(nodes[index] + 8, 40 * count)
                for start in range(0, 40 * count, 40):
                    name = _name_at(names, _number(data, start, 8))
                    if _number(data, start + 16, 4) == 2:
                        raise _is_link(name)
                    if name in members:
                        raise DamagedFileError(f"its member {quoted(name)} comes twice")
                    members[name] = _number(data, start + 8, 8)
            else:
                raise DamagedFileError("one of its groups has no table")
        raise UnsafeFileError("one of its groups is absurdly large, or runs in a circle")

    def _place(self, layout: bytes, size: int) -> Region:
        """Returns where the bytes of a data set lie (IV.A.2.i)."""
        if layout[0] not in (3, 4):
            raise _unusual("one of its arrays is stored in an old way")
        if layout[1] == 0:
            found: Region = Held(layout).part(4, _number(layout, 2, 2))
        elif layout[1] == 1:
            address, length = _number(layout, 2, 8), _number(layout, 10, 8)
            if address == UNDEFINED and size:
                raise DamagedFileError("one of its arrays has no values")
            found = self.region.part(0 if not size else address, length if size else 0)
        else:
            raise _unusual("one of its arrays is stored in pieces, or lies in another file")
        if found.size != size:
            raise DamagedFileError(f"one of its arrays has {found.size:,} bytes, not {size:,}")
        return found


def _split(data: bytes, new: bool, flags: int) -> Iterator[tuple[int, bytes]]:
    """Yields type and body of the messages in one block of a header."""
    start = (6 if flags & 4 else 4) if new else 8
    position = 0
    while position + start <= len(data):
        width = 1 if new else 2
        number, size = _number(data, position, width), _number(data, position + width, 2)
        body = data[position + start : position + start + size]
        if len(body) != size:
            raise DamagedFileError("one of its objects ends early; the file is damaged")
        if number and data[position + width + 2] & 0x2:
            raise _unusual("one of its objects shares its type with others")
        yield number, body
        position += start + size


def _space(body: bytes) -> tuple[int, ...]:
    """Returns a shape (IV.A.2.b)."""
    version, rank = body[0], body[1]
    if version not in (1, 2):
        raise DamagedFileError("one of its shapes is of an unknown version")
    if version == 2 and body[3] == 2:
        return (0,)
    first = 8 if version == 1 else 4
    return tuple(_number(body, first + 8 * axis, 8) for axis in range(rank))


# Location and size of the exponent, location and size of the mantissa, and the exponent's bias.
_FLOATS = {
    (10, 5, 0, 10, 15): "float16",
    (7, 8, 0, 7, 127): "bfloat16",
    (23, 8, 0, 23, 127): "float32",
    (52, 11, 0, 52, 1023): "float64",
}


def _type(body: bytes) -> DataType:
    """Returns a type (IV.A.2.d)."""
    kind, bits, size = body[0] & 15, body[1:4], _number(body, 4, 4)
    order: Literal["<", ">"] = ">" if bits[0] & 1 else "<"
    if kind == 0 and (_number(body, 8, 2), _number(body, 10, 2)) == (0, 8 * size):
        return DataType(f"{'int' if bits[0] & 8 else 'uint'}{8 * size}", size, order)
    if kind == 1 and not bits[0] & 0x40 and bits[1] == 8 * size - 1:
        name = _FLOATS.get((*body[12:16], _number(body, 16, 4)), "a float of no standard")
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
    """Returns name and target of a link (IV.A.2.g)."""
    flags = body[1]
    position = 2 + (flags >> 3 & 1)
    kind = body[2] if flags & 8 else 0
    position += (8 if flags & 4 else 0) + (1 if flags & 0x10 else 0)
    width = 1 << (flags & 3)
    length = _number(body, position, width)
    position += width
    name = body[position : position + length].decode("utf-8")
    if kind != 0:
        raise _is_link(name)
    return name, _number(body, position + length, 8)


def _is_link(name: str) -> UnsafeFileError:
    return UnsafeFileError(f"its member {quoted(name)} is a link to another place or file")


def _name_at(names: bytes, offset: int) -> str:
    end = names.find(b"\0", offset)
    if offset >= len(names) or end < 0:
        raise DamagedFileError("one of its groups has a member without a name")
    return names[offset:end].decode("utf-8")
