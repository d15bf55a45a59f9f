"""Changes to good files: bits, bytes, pieces, numbers and opcodes, all drawn from a seed."""

from __future__ import annotations

import json
import random
import struct
from typing import Any

NUMBERS = [
    *(0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63),
    *(2**40, 2**48, 2**64 - 1),
]
"""What breaks arithmetic."""

TOKENS = [
    *(b"cos\nsystem\n", b"cbuiltins\neval\n", b"ctorch\nload\n", b"X\x02\0\0\0id", b"\x85R", b"tR"),
    *(bytes([byte]) for byte in b"Rb\x81Q\x942 0(t}])Nusea\x93\x92io."),
    *(b"q\x00", b"h\x00", b"\x82\x01", b"\x8e" + b"\xff" * 8, b"X\xff\xff\xff\x7f", b"\x80\x05"),
    *(b"r\xff\xff\xff\xff", b"\x8a\xff" + b"\xff" * 16, b"ctorch._utils\n_rebuild_tensor_v2\n"),
    *(b"ccollections\nOrderedDict\n", b"ctorch\nFloatStorage\n", b"cproject\nThing\n"),
    *(
        b"ccollections\nCounter\n",
        b"cbuiltins\nset\n",
        b"cbuiltins\ncomplex\n",
        b"\x8f\x90\x91\x96",
    ),
    *(b"ctorch\nSize\n", b"ctorch\nfloat32\n", b"ctorch._tensor\n_rebuild_from_type_v2\n"),
]
"""Pieces of pickles."""


def mutated(data: bytes, draw: random.Random, tokens: list[bytes] = TOKENS) -> bytes:
    """Returns `data` with one to eight changes."""
    changed = bytearray(data)
    for _ in range(draw.choice((1, 1, 1, 2, 3, 8))):
        size = len(changed)
        at = draw.randrange(size + 1)
        length = draw.choice((1, 2, 4, 8, draw.randrange(1, 64)))
        kind = draw.randrange(8)
        if kind == 0 and at < size:
            changed[at] ^= 1 << draw.randrange(8)
        elif kind == 1 and at < size:
            changed[at] = draw.randrange(256)
        elif kind == 2:
            changed[at:at] = draw.randbytes(length)
        elif kind == 3:
            del changed[at : at + length]
        elif kind == 4:
            other = draw.randrange(size + 1)
            changed[at:at] = changed[other : other + length]
        elif kind == 5:
            width = draw.choice((1, 2, 4, 8))
            number = draw.choice(NUMBERS) & (2 ** (8 * width) - 1)
            changed[at : at + width] = number.to_bytes(width, draw.choice(("little", "big")))
        elif kind == 6:
            changed[at:at] = draw.choice(tokens)
        elif draw.random() < 0.1:
            del changed[at:]
    return bytes(changed)


OPCODES = [bytes([byte]) for byte in b"(0N}]))tdlsuaeRQb."] + [
    bytes([value])
    for value in (0x85, 0x86, 0x87, 0x88, 0x89, 0x81, 0x8F, 0x90, 0x91, 0x92, 0x93, 0x94)
]


def program(draw: random.Random, size: int) -> bytes:
    """Returns a pickle of opcodes that the reader knows, in no order."""
    parts = [b"\x80\x02"]
    for _ in range(size):
        kind = draw.randrange(10)
        if kind < 5:
            parts.append(draw.choice(OPCODES))
        elif kind == 5:
            text = draw.choice((b"storage", b"0", b"state_dict", b"cpu", b"x", b"\xc3\xa9"))
            parts.append(b"X" + struct.pack("<I", len(text)) + text)
        elif kind == 6:
            parts.append(b"K" + draw.randbytes(1))
        elif kind == 7:
            parts.append(draw.choice((b"q", b"h")) + bytes([draw.randrange(4)]))
        elif kind == 8:
            parts.append(b"J" + struct.pack("<i", draw.choice((-1, 2**31 - 1, 7))))
        else:
            parts.append(draw.choice(TOKENS))
    return b"".join(parts) + b"."


def header_mutated(data: bytes, draw: random.Random) -> bytes:
    """Returns a safetensors file with values of its header changed, its length right again."""
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    for _ in range(draw.randrange(1, 4)):
        name = draw.choice(list(header))
        entry: Any = header[name]
        kind = draw.randrange(7)
        if kind == 0:
            header[draw.choice((name + "x", "", "__metadata__", "é"))] = entry
        elif kind == 1:
            del header[name]
            if not header:
                break
        elif kind == 2:
            header[name] = draw.choice((None, 1, "x", [], {}, [entry]))
        elif isinstance(entry, dict) and "shape" in entry:
            field = draw.choice(("dtype", "shape", "data_offsets"))
            if field == "dtype":
                entry[field] = draw.choice(
                    ("F64", "F32", "F16", "BF16", "I8", "BOOL", "F8", 1, None)
                )
            else:
                numbers = entry[field] if isinstance(entry[field], list) else [0]
                place = draw.randrange(len(numbers) + 1)
                extra = draw.choice((*NUMBERS, -1, 1.0, True, None, "1", 4, 8, 12, 24))
                entry[field] = [*numbers[:place], extra, *numbers[place + draw.randrange(2) :]]
    text = json.dumps(header).encode()
    if draw.random() < 0.2:
        text += b" " * draw.randrange(9)
    return len(text).to_bytes(8, "little") + text + data[8 + size :]
