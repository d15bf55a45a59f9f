"""Writes PyTorch files without PyTorch: its pickles opcode by opcode, its two containers.

The real ones in tests/fixtures/torch show that the reader takes what torch.save writes; this writer
is for files of any size and for those that torch.save would never write.
"""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

STORAGES = {
    "float64": "DoubleStorage",
    "float32": "FloatStorage",
    "float16": "HalfStorage",
    "bfloat16": "BFloat16Storage",
    "int64": "LongStorage",
    "int32": "IntStorage",
    "int16": "ShortStorage",
    "int8": "CharStorage",
    "uint8": "ByteStorage",
    "bool": "BoolStorage",
}
OLD_MAGIC = 0x1950A86A20F9469CFC6C


@dataclass(frozen=True)
class Call:
    """A call that a pickle asks for: GLOBAL, arguments, REDUCE; then SETITEMS, then BUILD.

    Without arguments it is the name alone.
    """

    module: str
    name: str
    arguments: tuple[Any, ...] | None = None
    items: dict[str, Any] | None = None
    state: Any = None


@dataclass(frozen=True)
class Tensor:
    """A tensor as torch pickles it; what is None follows from `values`."""

    values: np.ndarray
    dtype: str | None = None
    shape: tuple[int, ...] | None = None
    strides: tuple[int, ...] | None = None
    offset: int = 0
    count: int | None = None
    rebuild: tuple[str, str] = ("torch._utils", "_rebuild_tensor_v2")


@dataclass
class Writer:
    """Writes one pickle of protocol 2, gathering the storages of its tensors."""

    storages: list[tuple[bytes, int]] = field(default_factory=list)
    out: io.BytesIO = field(default_factory=io.BytesIO)
    old: bool = False

    def dump(self, value: Any) -> bytes:
        self.out = io.BytesIO()
        self.out.write(b"\x80\x02")
        self._any(value)
        self.out.write(b".")
        return self.out.getvalue()

    def _any(self, value: Any) -> None:
        if value is None or isinstance(value, bool):
            self.out.write({None: b"N", True: b"\x88", False: b"\x89"}[value])
        elif isinstance(value, int):
            self._int(value)
        elif isinstance(value, float):
            self.out.write(b"G" + struct.pack(">d", value))
        elif isinstance(value, str):
            text = value.encode()
            self.out.write(b"X" + struct.pack("<I", len(text)) + text)
        elif isinstance(value, tuple):
            self.out.write(b"(")
            for item in value:
                self._any(item)
            self.out.write(b"t")
        elif isinstance(value, list):
            self.out.write(b"](")
            for item in value:
                self._any(item)
            self.out.write(b"e")
        elif isinstance(value, dict):
            self.out.write(b"}")
            self._items(value)
        elif isinstance(value, Call):
            self._call(value)
        else:
            self._tensor(value)

    def _items(self, items: dict[Any, Any]) -> None:
        self.out.write(b"(")
        for key, item in items.items():
            self._any(key)
            self._any(item)
        self.out.write(b"u")

    def _int(self, value: int) -> None:
        if 0 <= value < 256:
            self.out.write(b"K" + bytes([value]))
        elif -(2**31) <= value < 2**31:
            self.out.write(b"J" + struct.pack("<i", value))
        else:
            data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
            self.out.write(b"\x8a" + bytes([len(data)]) + data)

    def _call(self, call: Call) -> None:
        self.out.write(b"c" + f"{call.module}\n{call.name}\n".encode())
        if call.arguments is not None:
            self._any(call.arguments)
            self.out.write(b"R")
        if call.items is not None:
            self._items(call.items)
        if call.state is not None:
            self._any(call.state)
            self.out.write(b"b")

    def _tensor(self, tensor: Tensor) -> None:
        values = np.ascontiguousarray(tensor.values)
        dtype = tensor.dtype or values.dtype.name
        shape = values.shape if tensor.shape is None else tensor.shape
        if tensor.strides is None:
            strides = tuple(
                int(np.prod(shape[axis + 1 :], dtype=int)) for axis in range(len(shape))
            )
        else:
            strides = tensor.strides
        count = values.size if tensor.count is None else tensor.count
        key = str(len(self.storages))
        self.storages.append((values.tobytes(), count))
        self.out.write(b"c" + "\n".join((*tensor.rebuild, "")).encode() + b"(")
        # The storage is a persistent identity: ("storage", class, key, device, elements).
        storage = ("storage", Call("torch", STORAGES[dtype]), key, "cpu", count)
        self._any((*storage, None) if self.old else storage)
        self.out.write(b"Q")
        for item in (tensor.offset, shape, strides, False, Call("collections", "OrderedDict", ())):
            self._any(item)
        self.out.write(b"tR")


def state_dict(tensors: dict[str, Any]) -> Call:
    """Returns an OrderedDict with `_metadata`, as `Module.state_dict` gives it."""
    items = {
        name: tensor if isinstance(tensor, Tensor) else Tensor(tensor)
        for name, tensor in tensors.items()
    }
    metadata = {"_metadata": {"": {"version": 1}}}
    return Call("collections", "OrderedDict", (), items, metadata)


def write_zip(
    path: Path,
    value: Any,
    *,
    pickle: bytes | None = None,
    compression: int = zipfile.ZIP_STORED,
    extra: dict[str, bytes] | None = None,
    change: Callable[[bytes], bytes] | None = None,
) -> Path:
    """Writes a file as torch.save does since version 1.6.

    Args:
        path: the file.
        value: what is saved; tensors as `Tensor`.
        pickle: bytes in place of the pickle of `value`.
        compression: of all members; torch compresses none.
        extra: members besides, by name.
        change: what becomes of each storage's bytes.
    """
    writer = Writer()
    data = writer.dump(value)
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("archive/data.pkl", data if pickle is None else pickle)
        archive.writestr("archive/byteorder", "little")
        for key, (stored, _) in enumerate(writer.storages):
            archive.writestr(f"archive/data/{key}", change(stored) if change else stored)
        archive.writestr("archive/version", "3\n")
        for name, content in (extra or {}).items():
            archive.writestr(name, content)
    return path


def write_old(path: Path, value: Any, *, version: int = 1001, little: bool = True) -> Path:
    """Writes a file as torch.save did before version 1.6."""
    writer = Writer(old=True)
    sizes = {"short": 2, "int": 4, "long": 4}
    head = Writer().dump(OLD_MAGIC) + Writer().dump(version)
    head += Writer().dump(
        {"protocol_version": version, "little_endian": little, "type_sizes": sizes}
    )
    body = writer.dump(value)
    keys = Writer().dump([str(key) for key in range(len(writer.storages))])
    stored = b"".join(struct.pack("<q", count) + data for data, count in writer.storages)
    path.write_bytes(head + body + keys + stored)
    return path
