"""A file of weights, opened: what tensors it has, and the bytes of those that are asked for.

The headers are read first; a tensor is read when its declared shape is known to fit, so that no
file can take more memory than the model that it is for. One descriptor stays open from the first
check to the last byte. Every parser is our own, in Python: none runs or imports what a file names.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascnn.errors import DamagedFileError, UnsafeFileError
from kerascnn.fileio.untrusted import named, open_regular, quoted, reading
from kerascnn.weights.formats.byte_range import Region, Scratch
from kerascnn.weights.formats.tensor_table import Contents, Stored

if TYPE_CHECKING:
    import numpy


class Checkpoint:
    """An open file of weights; use it inside the `with` of `open_checkpoint`."""

    def __init__(self, path: Path, region: Region, contents: Contents) -> None:
        self.path, self.contents = path, contents
        self._region = region
        self._state = region.state()

    @property
    def tensors(self) -> dict[str, Stored]:
        return self.contents.tensors

    @property
    def metadata(self) -> Mapping[str, str]:
        return self.contents.metadata

    def raw(self, name: str) -> numpy.ndarray:
        """Returns a tensor's values as they are stored, bfloat16 as uint16."""
        return self._read(name, self.tensors[name].raw)

    def rows(self, name: str, start: int, stop: int, scratch: Scratch) -> numpy.ndarray:
        """Returns rows of a tensor as they are stored, until `scratch` is used again."""
        return self._read(name, self.tensors[name].rows, start, stop, scratch)

    def _read(self, name: str, read: Callable[..., numpy.ndarray], *given: Any) -> numpy.ndarray:
        try:
            return read(*given)
        except Exception:
            with naming(self.path), reading(f"its tensor {quoted(name)} makes no sense"):
                raise

    def sha256(self) -> str:
        """Returns the digest of the whole file, 64 hexadecimal digits."""
        with naming(self.path):
            return self._region.sha256()

    def digest(self, ready: threading.Event) -> Callable[[], str]:
        """Works out the file's SHA-256 in another thread; returns what waits for it.

        That takes about as long as a load, and the file may be closed before; what waits raises
        DamagedFileError when the file was written to meanwhile.

        Args:
            ready: the thread waits for it, so as not to slow down what comes before.
        """
        region, state, path = self._region.duplicate(), self._state, named(self.path)
        result: Future[str] = Future()

        def work() -> None:
            ready.wait()
            try:
                found = region.sha256()
                if region.state() != state:
                    raise DamagedFileError(f"{path} changed after it was read")
                result.set_result(found)
            except BaseException as error:  # whoever waits has to know
                result.set_exception(error)
            finally:
                region.close()

        threading.Thread(target=work, name="sha256", daemon=True).start()
        return result.result

    def unchanged(self) -> None:
        """Raises DamagedFileError when the file was written to since it was opened."""
        if self._region.state() != self._state:
            raise DamagedFileError(f"{named(self.path)} changed while it was read; load it again")


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Puts the file's name before what is wrong with it."""
    try:
        yield
    except (DamagedFileError, UnsafeFileError) as error:
        raise type(error)(f"{named(path)}: {' '.join(str(error).split())}") from error


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
        descriptor = stream.fileno()
        region = Region(descriptor, 0, os.fstat(descriptor).st_size)
        with naming(path), reading("it makes no sense"):
            contents = _contents(region, path.suffix.lower())
        yield Checkpoint(path, region, contents)


# First bytes -> the module that reads it. A zip is looked into before its kind is known.
_READERS = (
    (re.compile(rb"\x89HDF\r\n\x1a\n"), "hdf5_file"),
    (re.compile(rb"PK\x03\x04"), "archive"),
    # torch.save's magic number, pickled in a protocol of its own.
    (re.compile(rb"\x80[\x02-\x05](\x95.{8})?\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19", re.S), "torch_file"),
    # The length of a header, below 4 GiB; its first byte may be a pickle's, or spell a zip's "PK".
    (re.compile(rb".{4}\0{4}\{", re.S), "safetensors_file"),
)
_FOREIGN = (
    (re.compile(rb"PK\x05\x06"), "an empty zip archive"),
    (re.compile(rb"\s*<"), "a web page or XML (a failed download?)"),
    (re.compile(rb"version https://git-lfs"), "a Git LFS pointer (the file was not fetched)"),
    (re.compile(rb"\x1f\x8b|BZh|\xfd7zXZ|\x28\xb5\x2f\xfd|7z\xbc\xaf"), "packed; unpack it first"),
    (re.compile(rb".{257}ustar", re.S), "a tar archive, which is not read here"),
)
_TORCH = (".pth", ".pt", ".th", ".pkl", ".bin", ".tar")
_SUFFIXES = {
    ".h5": ("hdf5_file",),
    ".hdf5": ("hdf5_file",),
    ".keras": ("archive",),
    ".npz": ("archive",),
    ".safetensors": ("safetensors_file",),
    ".onnx": ("onnx_file",),
    **dict.fromkeys(_TORCH, ("archive", "torch_file")),
}
"""Suffix -> the readers whose files may bear it; any other suffix may be any of them."""

_PICKLE = re.compile(rb"\x80[\x00-\x05]|c[\w.]+\n|[(\]}]")


def _contents(region: Region, suffix: str) -> Contents:
    if region.size == 0:
        raise DamagedFileError("it is empty; fetch or write it again")
    head = region.read(0, min(region.size, 512))
    name = next((reader for magic, reader in _READERS if magic.match(head)), None)
    if suffix == ".onnx" and name in (None, "safetensors_file"):
        name = "onnx_file"  # protobuf has no signature
    if name is None or name not in _SUFFIXES.get(suffix, (name,)):
        raise _refusal(head, suffix, name)
    reader = importlib.import_module(f"kerascnn.weights.formats.{name}")
    contents: Contents = reader.read(region)
    return contents


def _refusal(head: bytes, suffix: str, reader: str | None) -> Exception:
    bare = _PICKLE.match(head) and (suffix in _TORCH or head.startswith(b"\x80"))
    if reader is None and bare:
        return UnsafeFileError(
            "it is a bare pickle, which can run anything; save the weights with "
            "torch.save(model.state_dict(), path) or as safetensors"
        )
    is_a = {
        "hdf5_file": "an HDF5 file",
        "archive": "a zip archive",
        "torch_file": "an old PyTorch file",
        "safetensors_file": "a safetensors file",
    }
    what = next((words for magic, words in _FOREIGN if magic.match(head)), None)
    if reader is not None:
        what = is_a[reader]
    called = f"called {suffix[:20]!r}" if suffix else "called by no suffix"
    return DamagedFileError(
        f"it is {called} but is {what or 'no such file, or one that is damaged'}; fetch or save it "
        "again"
    )
