"""A file of weights, opened: what tensors it has, and the bytes of those that are asked for.

The headers are read first; a tensor is read when its declared shape is known to fit, so that no
file can take more memory than the model that it is for. One descriptor stays open from the first
check to the last byte, and the SHA-256 is of the same bytes.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import mmap
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from kerascnn.errors import DamagedFileError, UnsafeFileError
from kerascnn.reading import open_regular

if TYPE_CHECKING:
    import numpy

MAXIMUM_TENSORS = 100_000
MAXIMUM_NAME = 1024


@dataclass(frozen=True)
class Stored:
    """One tensor of a file.

    Args:
        shape: as the file declares it.
        dtype: NumPy's name of its type, or "bfloat16".
        read: returns the values, float32 for bfloat16; may be a view of the file.
    """

    shape: tuple[int, ...]
    dtype: str
    read: Callable[[], numpy.ndarray]

    @property
    def size(self) -> int:
        total = 1
        for side in self.shape:
            total *= side
        return total


@dataclass
class Contents:
    """What a reader finds: tensors by name in the file's order, and texts beside them."""

    kind: str
    tensors: dict[str, Stored]
    metadata: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.tensors) > MAXIMUM_TENSORS:
            raise UnsafeFileError(f"the file has more than {MAXIMUM_TENSORS:,} tensors")
        for name in self.tensors:
            if len(name) > MAXIMUM_NAME:
                raise UnsafeFileError(f"a tensor's name has {len(name):,} letters: {name[:40]!r}…")


@dataclass
class Checkpoint:
    """An open file of weights; use it inside the `with` of `open_checkpoint`."""

    path: Path
    contents: Contents
    data: memoryview

    @property
    def tensors(self) -> dict[str, Stored]:
        return self.contents.tensors

    @property
    def metadata(self) -> Mapping[str, str]:
        return self.contents.metadata

    def sha256(self) -> str:
        """Returns the digest of the whole file, 64 hexadecimal digits."""
        return hashlib.sha256(self.data).hexdigest()


# First bytes -> (reader module, what it is). A zip is looked into before its reader is chosen.
_MAGIC = (
    (b"\x89HDF\r\n\x1a\n", "hdf5_file", "an HDF5 file"),
    (b"PK\x03\x04", "archive", "a zip archive"),
    (b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19", "torch_file", "an old PyTorch file"),
)
# Suffix -> the readers whose files may bear it.
_SUFFIXES = {
    ".h5": ("hdf5_file",),
    ".hdf5": ("hdf5_file",),
    ".keras": ("archive",),
    ".npz": ("archive",),
    ".pth": ("archive", "torch_file"),
    ".pt": ("archive", "torch_file"),
    ".th": ("archive", "torch_file"),
    ".pkl": ("archive", "torch_file"),
    ".bin": ("archive", "torch_file"),
    ".tar": ("archive", "torch_file"),
    ".safetensors": ("safetensors_file",),
    ".onnx": ("onnx_file",),
}


@contextlib.contextmanager
def open_checkpoint(path: str | os.PathLike[str]) -> Iterator[Checkpoint]:
    """Opens a file of weights of any known format; its content decides, and its suffix must agree.

    Args:
        path: .weights.h5, .h5, .keras, .pth, .pt, .th, .pkl, .safetensors, .npz or .onnx.

    Raises:
        DataError: there is no such regular file.
        DamagedFileError: it is empty, truncated, or not what its suffix says.
        UnsafeFileError: it asks for more than its tensors: code, links, an absurd size.
    """
    path = Path(path)
    with open_regular(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        if size == 0:
            raise DamagedFileError(f"{path} is empty; fetch or write it again")
        # Arrays that are views of the mapping keep it alive; it closes with the last one.
        data = memoryview(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))
        try:
            contents = _contents(path, stream, data)
            yield Checkpoint(path, contents, data)
        except (DamagedFileError, UnsafeFileError) as error:
            if str(path) in str(error):
                raise
            raise type(error)(f"{path}: {error}") from error


def _contents(path: Path, stream: BinaryIO, data: memoryview) -> Contents:
    name, what = _recognised(data)
    suffix = path.suffix.lower()
    allowed = _SUFFIXES.get(suffix)
    if name is None and suffix == ".onnx":
        name = "onnx_file"  # protobuf has no signature
    if name is None or (allowed is not None and name not in allowed):
        raise DamagedFileError(
            f"it is called {suffix or 'nothing'} but is {what}; fetch or save it again"
        )
    reader = importlib.import_module(f"kerascnn.weights.readers.{name}")
    contents: Contents = reader.read(stream, data)
    return contents


def _recognised(data: memoryview) -> tuple[str | None, str]:
    head = bytes(data[:64])
    for magic, name, what in _MAGIC:
        if head.startswith(magic):
            return name, what
    if len(data) > 8 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") < len(data):
        return "safetensors_file", "a safetensors file"
    if head.startswith(b"\x80"):
        raise UnsafeFileError(
            "it is a bare pickle, which can run anything; save the weights with torch.save or as "
            "safetensors"
        )
    if head.lstrip()[:1] == b"<":
        return None, "a web page or XML (a failed download?)"
    if head.startswith(b"version https://git-lfs"):
        return None, "a Git LFS pointer (the file itself was not fetched)"
    return None, "something unknown, or the truncated rest of a file"


def as_view(data: memoryview, offset: int, dtype: str, shape: tuple[int, ...]) -> Any:
    """Returns the little-endian tensor that lies at `offset`, as a view; bfloat16 as float32."""
    import numpy as np

    count = 1
    for side in shape:
        count *= side
    if dtype == "bfloat16":
        halves = np.frombuffer(data, "<u2", count, offset)
        return (halves.astype("<u4") << 16).view("<f4").reshape(shape)
    return np.frombuffer(data, np.dtype(dtype).newbyteorder("<"), count, offset).reshape(shape)


ITEM_BYTES = {
    "float64": 8,
    "float32": 4,
    "float16": 2,
    "bfloat16": 2,
    "int64": 8,
    "int32": 4,
    "int16": 2,
    "int8": 1,
    "uint8": 1,
    "bool": 1,
    "uint64": 8,
    "uint32": 4,
    "uint16": 2,
}
"""Bytes of one element."""
