"""Lists the entries of a sorted table, the format of LevelDB in which TensorFlow writes an index.

The file's end tells where the index block is, whose entries tell where the other blocks are. A key
is stored as the number of letters that it shares with the key before it, and its other letters.
Each block has a checksum, which is compared.
"""

from __future__ import annotations

from collections.abc import Iterator

from kerascnn.errors import DamagedFileError, UnsafeFileError
from kerascnn.fileio.untrusted import quoted
from kerascnn.weights.formats.byte_range import Region
from kerascnn.weights.formats.crc32c import crc32c, unmasked
from kerascnn.weights.formats.protobuf import varint
from kerascnn.weights.formats.tensor_table import MAXIMUM_NAME, MAXIMUM_TENSORS

MAGIC = (0xDB4775248B80FB57).to_bytes(8, "little")
FOOTER = 48
TRAILER = 5
"""Bytes after each block: its compression, and its checksum."""
LIMIT = 2**24
"""Largest size of a table that is read, in bytes."""
MAXIMUM_ENTRIES = MAXIMUM_TENSORS
MAXIMUM_BLOCKS = 1_000
"""TensorFlow begins a new block after 256 KiB."""
WHAT = "an index of TensorFlow"


def is_table(region: Region) -> bool:
    """Returns whether a file ends as a sorted table does."""
    return region.size >= FOOTER and region.read(region.size - len(MAGIC)) == MAGIC


def entries(region: Region) -> Iterator[tuple[str, bytes]]:
    """Yields the keys of a table, in ascending order, and their values.

    Raises:
        DamagedFileError: the table is truncated or damaged, or a checksum differs.
        UnsafeFileError: it is absurdly large, or compressed.
    """
    if region.size > LIMIT:
        raise UnsafeFileError(f"it has {region.size:,} bytes; an index has at most {LIMIT:,}")
    footer = region.read(region.size - FOOTER)
    _, at = _handle(footer, 0)  # of a block that is not used
    index, _ = _handle(footer, at)
    position, count, before = 0, 0, b""
    for number, (_, value) in enumerate(_block(region, *index)):
        (offset, size), _ = _handle(value, 0)
        if offset < position:
            raise DamagedFileError("its blocks overlap")
        if number == MAXIMUM_BLOCKS:
            raise UnsafeFileError(f"it has more than {MAXIMUM_BLOCKS:,} blocks")
        position = offset + size
        for key, content in _block(region, offset, size):
            if key <= before and count:
                raise DamagedFileError("its keys are not in order")
            count, before = count + 1, key
            if count > MAXIMUM_ENTRIES:
                raise UnsafeFileError(f"it has more than {MAXIMUM_ENTRIES:,} entries")
            yield key.decode("utf-8"), content


def _handle(data: bytes, position: int) -> tuple[tuple[int, int], int]:
    """Returns the offset and size of a block, and the position after them."""
    offset, position = varint(data, position, WHAT)
    size, position = varint(data, position, WHAT)
    return (offset, size), position


def _block(region: Region, offset: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    """Yields the keys and values of a block."""
    data = region.read(offset, size + TRAILER)
    if data[size]:
        raise UnsafeFileError("it is compressed, which is not supported; write it again")
    if crc32c(data[: size + 1]) != unmasked(int.from_bytes(data[size + 1 :], "little")):
        raise DamagedFileError("its checksum differs; fetch it again")
    restarts = int.from_bytes(data[size - 4 : size], "little")
    end, position, key = size - 4 - 4 * restarts, 0, b""
    if size < 4 or end < 0:
        raise DamagedFileError("one of its blocks is damaged")
    while position < end:
        shared, position = varint(data, position, WHAT)
        unshared, position = varint(data, position, WHAT)
        length, position = varint(data, position, WHAT)
        if shared > len(key) or position + unshared + length > end:
            raise DamagedFileError("one of its blocks is damaged")
        if shared + unshared > MAXIMUM_NAME:
            raise UnsafeFileError(f"a tensor's name is too long: {quoted(repr(key[:60]))}")
        key = key[:shared] + data[position : position + unshared]
        position += unshared
        yield key, data[position : position + length]
        position += length
