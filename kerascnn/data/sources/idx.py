"""Reads IDX files, plain or gzipped, the format of MNIST and similar data sets.

The header of a file declares the size of its content. A file with more or less content is refused,
and no more than the declared size is read into memory.
"""

from __future__ import annotations

import gzip
import io
import math
import os
from pathlib import Path

from kerascnn.errors import DamagedFileError, DataError
from kerascnn.fileio.untrusted import check_expansion, open_regular, reading
from kerascnn.lazy import np

_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_BLOCK = 2**20


def load_idx(
    directory: Path,
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Returns (images, labels) for training and for testing, from the four files of a directory.

    Args:
        directory: holds train-images-idx3-ubyte, train-labels-idx1-ubyte and the two t10k files.
            Each may be plain or have the ending .gz; names with a dot, as train-images.idx3-ubyte,
            are also accepted.

    Raises:
        DataError: the directory or a file is missing.
        DamagedFileError: a file is no IDX file of images or labels, is truncated or too long, or
            images and labels differ in number.
        UnsafeFileError: a compressed file would expand to far more than its own size.
    """
    if not directory.is_dir():
        raise DataError(f"{directory} is no directory; idx: needs the one with the MNIST files")
    train, test = (_load_pair(directory, prefix) for prefix in ("train", "t10k"))
    return train, test


def _load_pair(directory: Path, prefix: str) -> tuple[np.ndarray, np.ndarray]:
    image_file = _find(directory, f"{prefix}-images", "idx3-ubyte")
    label_file = _find(directory, f"{prefix}-labels", "idx1-ubyte")
    images, labels = read_idx(image_file), read_idx(label_file)
    if images.ndim not in (3, 4) or images.dtype != np.uint8:
        raise DamagedFileError(
            f"{image_file} holds {images.dtype} of shape {images.shape}; images must be unsigned "
            "bytes of 3 dimensions (magic number 2051)"
        )
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise DamagedFileError(
            f"{label_file} holds {labels.dtype} of shape {labels.shape}; labels must be whole "
            "numbers of 1 dimension (magic number 2049)"
        )
    if len(images) != len(labels):
        raise DamagedFileError(
            f"{image_file} has {len(images):,} images and {label_file} {len(labels):,} labels; "
            "they must be equal, get both files again"
        )
    return images, labels


def _find(directory: Path, stem: str, kind: str) -> Path:
    names = [f"{stem}{joint}{kind}{end}" for end in ("", ".gz") for joint in ("-", ".")]
    for name in names:
        if os.path.lexists(directory / name):
            return directory / name
    raise DataError(f"{directory} has no {names[0]}; looked for {', '.join(names)}")


def read_idx(path: Path) -> np.ndarray:
    """Returns the array of one IDX file; a name that ends in .gz means a gzipped file.

    Raises:
        DataError: there is no such regular file.
        DamagedFileError: it is no IDX file, or is shorter or longer than its header declares.
        UnsafeFileError: a compressed file would expand to far more than its own size.
    """
    with open_regular(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        if path.suffix != ".gz":
            return _parse(stream, path, size, compressed=False)
        with (
            reading(f"{path} is no gzip file, or a truncated or corrupt one"),
            gzip.GzipFile(fileobj=stream) as unpacked,
        ):
            return _parse(unpacked, path, size, compressed=True)


def _parse(stream: io.BufferedIOBase, path: Path, size: int, *, compressed: bool) -> np.ndarray:
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _TYPES or not 1 <= magic[3] <= 4:
        raise DamagedFileError(
            f"{path} starts with {magic.hex(' ') or 'nothing'}, which is no IDX magic number; "
            "a magic number is 00 00, a type from 08 to 0e and the number of dimensions (1 to 4)"
        )
    dtype = np.dtype(_TYPES[magic[2]])
    sizes = stream.read(4 * magic[3])
    if len(sizes) < 4 * magic[3]:
        raise DamagedFileError(f"{path} ends inside its header; get it again")
    shape = tuple(int(n) for n in np.frombuffer(sizes, ">u4"))
    header = 4 + len(sizes)
    declared = math.prod(shape) * dtype.itemsize
    if compressed:
        check_expansion(str(path), declared, size)
    elif size != header + declared:
        raise DamagedFileError(
            f"{path} has {size:,} bytes; its header declares the shape {shape}, which needs "
            f"{header + declared:,}; get it again"
        )
    content = bytearray()
    while len(content) <= declared:
        block = stream.read(min(_BLOCK, declared + 1 - len(content)))
        if not block:
            break
        content += block
    if len(content) != declared:
        amount = f"only {len(content):,}" if len(content) < declared else f"more than {declared:,}"
        raise DamagedFileError(
            f"{path} holds {amount} bytes of content; its header declares the shape {shape}, which "
            f"needs {declared:,}; get it again"
        )
    return np.frombuffer(content, dtype).reshape(shape)
