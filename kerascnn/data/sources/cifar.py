"""Reads CIFAR-10 and CIFAR-100 as published: the binary files and the pickled "python" files.

Pickles are read by the pickle machine that also reads PyTorch's. It imports nothing, accepts
arrays of bytes, lists and texts, and refuses everything else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerascnn.errors import DamagedFileError, DataError, UnsafeFileError
from kerascnn.fileio.pickle_machine import Machine
from kerascnn.fileio.untrusted import open_regular, quoted
from kerascnn.lazy import np

Arrays = tuple["np.ndarray", "np.ndarray"]

PIXELS = 3 * 32 * 32
_LIMIT = 2**30
_FOLDERS = ("cifar-10-batches-bin", "cifar-10-batches-py", "cifar-100-binary", "cifar-100-python")
_BATCHES = tuple(f"data_batch_{number}" for number in range(1, 6))


@dataclass(frozen=True)
class _Kind:
    """One of the four published forms: names of its files, and the function that reads one."""

    train: tuple[str, ...]
    test: str
    names: str
    read: Callable[[Path], Arrays]


def load_cifar(directory: Path) -> tuple[Arrays, Arrays, tuple[str, ...] | None]:
    """Returns (images, labels) for training, the same for testing, and the class names or None.

    Args:
        directory: holds the files, or the folder that the published archive unpacks to. For
            CIFAR-100, the labels are the 100 fine ones.

    Raises:
        DataError: there is none of the four forms, or one of its files is missing.
        DamagedFileError: a file is truncated or no CIFAR file.
        UnsafeFileError: a pickle holds other things than arrays.
    """
    if not directory.is_dir():
        raise DataError(f"{directory} is no directory; cifar: needs the one with the CIFAR files")
    for folder in (directory, *(directory / name for name in _FOLDERS)):
        for kind in _KINDS:
            if (folder / kind.test).exists():
                return _load(folder, kind)
    tests = ", ".join(kind.test for kind in _KINDS)
    raise DataError(f"{directory} holds no CIFAR files; looked for one of {tests}")


def _load(folder: Path, kind: _Kind) -> tuple[Arrays, Arrays, tuple[str, ...] | None]:
    parts = [kind.read(folder / name) for name in kind.train]
    images, labels = (np.concatenate(part) for part in zip(*parts, strict=True))
    return (images, labels), kind.read(folder / kind.test), _names(folder / kind.names)


def _images(rows: np.ndarray) -> np.ndarray:
    """Returns images, N x 32 x 32 x 3, of rows with 1,024 red, then green, then blue values."""
    return np.ascontiguousarray(rows.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))


def _content(path: Path) -> bytes:
    with open_regular(path, limit=_LIMIT) as stream:
        return stream.read()


def _binary(labels: int) -> Callable[[Path], Arrays]:
    def read(path: Path) -> Arrays:
        content = np.frombuffer(_content(path), np.uint8)
        size = labels + PIXELS
        if not len(content) or len(content) % size:
            raise DamagedFileError(
                f"{path} has {len(content):,} bytes, which are no whole records of {size:,}; get "
                "it again"
            )
        records = content.reshape(-1, size)
        return _images(records[:, labels:]), records[:, labels - 1].astype(np.int64)

    return read


def _pickled(key: str) -> Callable[[Path], Arrays]:
    def read(path: Path) -> Arrays:
        record = _unpickled(path)
        data, labels = record.get("data"), record.get(key)
        rows = data.values if isinstance(data, _Array) else None
        whole = isinstance(labels, list) and all(type(label) is int for label in labels)
        if rows is None or not whole or rows.shape != (len(labels or ()), PIXELS):
            raise DamagedFileError(
                f"{path} holds no CIFAR batch; it must have 'data', N x {PIXELS} bytes, and "
                f"{key!r}, N numbers; get it again"
            )
        return _images(rows), np.array(labels, np.int64)

    return read


def _names(path: Path) -> tuple[str, ...] | None:
    """Returns the class names in a file of CIFAR, or None if there is no such file."""
    if not path.exists():
        return None
    if path.suffix == ".txt":
        return tuple(_content(path).decode("utf-8", "replace").split())
    record = _unpickled(path)
    names = record.get("label_names", record.get("fine_label_names"))
    if not isinstance(names, list):
        raise DamagedFileError(f"{path} holds no names of classes; get it again")
    return tuple(map(_text, names))


_KINDS = (
    _Kind(tuple(f"{n}.bin" for n in _BATCHES), "test_batch.bin", "batches.meta.txt", _binary(1)),
    _Kind(("train.bin",), "test.bin", "fine_label_names.txt", _binary(2)),
    _Kind(_BATCHES, "test_batch", "batches.meta", _pickled("labels")),
    _Kind(("train",), "test", "meta", _pickled("fine_labels")),
)


def _unpickled(path: Path) -> dict[str, Any]:
    try:
        record = _ArrayMachine(memoryview(_content(path))).run()
    except (DamagedFileError, UnsafeFileError) as error:
        raise type(error)(f"{path}: {error}") from error
    if not isinstance(record, dict):
        raise DamagedFileError(f"{path} holds no dictionary; get it again")
    return {_text(key): value for key, value in record.items()}


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


class _Type:
    """Stands for NumPy's type uint8, the only one that is read."""


class _Array:
    """An array of the pickle; `values` is None until its shape and bytes are read."""

    values: np.ndarray | None = None


@dataclass(frozen=True)
class _Callable:
    """Stands for a function or class that a pickle calls."""

    result: str


_CALLABLES = {
    ("numpy.core.multiarray", "_reconstruct"): _Callable("array"),
    ("numpy._core.multiarray", "_reconstruct"): _Callable("array"),
    ("numpy", "ndarray"): _Callable("ndarray"),
    ("numpy", "dtype"): _Callable("dtype"),
    ("_codecs", "encode"): _Callable("bytes"),
}


class _ArrayMachine(Machine):
    """Reads pickles of byte arrays, and refuses everything else."""

    def push_global(self, module: str, name: str) -> None:
        if (module, name) not in _CALLABLES:
            raise UnsafeFileError(
                f"it asks to run {quoted(f'{module}.{name}')}; a CIFAR batch holds arrays only"
            )
        self.stack.append(_CALLABLES[module, name])

    def call(self) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        if not isinstance(function, _Callable) or not isinstance(arguments, tuple):
            raise DamagedFileError("its pickle calls something that is no function")
        if function.result == "array":
            self.stack.append(_Array())
        elif function.result == "dtype" and arguments[:1] in (("u1",), (b"u1",)):
            self.stack.append(_Type())
        elif function.result == "bytes" and isinstance(arguments[0], str):
            # Python 3 writes bytes in this form into pickles of protocol 2.
            self.stack.append(arguments[0].encode("latin-1"))
        else:
            raise UnsafeFileError("it holds something else than arrays of bytes")

    def set_state(self) -> None:
        state, target = self.stack.pop(), self.stack[-1]
        if not isinstance(target, _Array):
            return
        _, shape, dtype, fortran, content = state
        if not isinstance(dtype, _Type) or not isinstance(content, bytes):
            raise UnsafeFileError("it holds an array of something else than bytes")
        target.values = np.frombuffer(content, np.uint8).reshape(
            tuple(shape), order="F" if fortran else "C"
        )
