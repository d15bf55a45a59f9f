"""CRC-32C, the checksum of TensorFlow's files, of many bytes at once with NumPy.

The bytes are split into lanes of equal length. The remainders of all lanes are computed together,
four bytes a step, and are then joined in pairs: the remainder of two parts is that of the first,
carried over the length of the second, plus that of the second.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from kerascnn.lazy import np

if TYPE_CHECKING:
    import numpy as np

POLYNOMIAL = 0x82F63B78
LANES = 1024
LANE_WORDS = 256
"""Most words of a lane; 1024 lanes of 256 words of four bytes are 1 MiB."""
_MASK_DELTA = 0xA282EAD8


@functools.cache
def _tables() -> np.ndarray:
    """Returns for k = 0 to 3 the remainder of each byte that k more zero bytes follow, (4, 256)."""
    table = np.arange(256, dtype="u4")
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ POLYNOMIAL, table >> 1).astype("u4")
    tables = [table]
    for _ in range(3):
        tables.append((tables[-1] >> 8) ^ table[tables[-1] & 255])
    return np.stack(tables)


def _step(remainders: np.ndarray) -> np.ndarray:
    """Returns the remainders after four more zero bytes."""
    tables = _tables()
    after: np.ndarray = (
        tables[3][remainders & 255]
        ^ tables[2][(remainders >> 8) & 255]
        ^ tables[1][(remainders >> 16) & 255]
        ^ tables[0][remainders >> 24]
    )
    return after


@functools.lru_cache(64)
def _carry(size: int) -> np.ndarray:
    """Returns tables that carry a remainder over `size` zero bytes: one for each of its bytes."""
    bits = np.left_shift(np.uint32(1), np.arange(32, dtype="u4")).astype("u4")
    matrix, power = bits, _one_byte()  # the images of the 32 single bits
    while size:
        if size & 1:
            matrix = _apply(power, matrix)
        power = _apply(power, power)
        size >>= 1
    values = np.arange(256, dtype="u4")
    tables = np.zeros((4, 256), "u4")
    for byte in range(4):
        for bit in range(8):
            tables[byte] ^= np.where(values >> bit & 1, matrix[8 * byte + bit], 0).astype("u4")
    return tables


def _one_byte() -> np.ndarray:
    bits = np.left_shift(np.uint32(1), np.arange(32, dtype="u4")).astype("u4")
    carried: np.ndarray = (bits >> 8) ^ _tables()[0][bits & 255]
    return carried


def _apply(matrix: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Returns the images of vectors of 32 bits under a matrix of GF(2), given by its columns."""
    result = np.zeros_like(vectors)
    for bit in range(32):
        result ^= np.where(vectors >> bit & 1, matrix[bit], 0).astype("u4")
    return result


def _carried(remainders: np.ndarray, size: int) -> np.ndarray:
    tables = _carry(size)
    moved: np.ndarray = (
        tables[0][remainders & 255]
        ^ tables[1][(remainders >> 8) & 255]
        ^ tables[2][(remainders >> 16) & 255]
        ^ tables[3][remainders >> 24]
    )
    return moved


def _lanes(data: np.ndarray, words: int) -> np.ndarray:
    """Returns the remainder of `LANES` lanes of `words` words of four bytes each."""
    remainders = np.zeros(LANES, "u4")
    for row in np.ascontiguousarray(data.view("<u4").reshape(LANES, words).T):
        remainders = _step(remainders ^ row)
    size = 4 * words
    while len(remainders) > 1:
        remainders = _carried(remainders[0::2], size) ^ remainders[1::2]
        size *= 2
    return remainders


def _rest(remainder: int, data: bytes) -> int:
    table = _tables()[0].tolist()
    for byte in data:
        remainder = (remainder >> 8) ^ table[(remainder ^ byte) & 255]
    return remainder


def crc32c(data: bytes | np.ndarray) -> int:
    """Returns the CRC-32C of bytes; an array must be contiguous."""
    flat = np.frombuffer(data, "u1")
    remainder, start = np.array([0xFFFFFFFF], "u4"), 0
    while words := min((len(flat) - start) // (4 * LANES), LANE_WORDS):
        size = 4 * LANES * words
        remainder = _carried(remainder, size) ^ _lanes(flat[start : start + size], words)
        start += size
    # Fewer bytes than four for each lane are left.
    return _rest(int(remainder[0]), flat[start:].tobytes()) ^ 0xFFFFFFFF


def unmasked(stored: int) -> int:
    """Returns the CRC that TensorFlow stores as `stored`, rotated and with a number added."""
    rotated = (stored - _MASK_DELTA) & 0xFFFFFFFF
    return (rotated >> 17 | rotated << 15) & 0xFFFFFFFF
