"""Opens files of weights: lists their tensors, and reads the values of a tensor on request.

The headers are read first. A tensor's values are read only after its declared shape was compared
with the model's, so that no file can take more memory than the model. One file descriptor stays
open from the first check to the last byte. Every parser is our own, in Python: none runs or imports
what a file names.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from kerascnn.errors import DamagedFileError, FormatError, UnsafeFileError
from kerascnn.fileio.untrusted import named, open_regular, quoted, reading
from kerascnn.weights.formats import (
    archive,
    hdf5_file,
    onnx_file,
    safetensors_file,
    sorted_table,
    tf_checkpoint,
    torch_file,
)
from kerascnn.weights.formats.byte_range import Region, Scratch
from kerascnn.weights.formats.other_formats import other_format
from kerascnn.weights.formats.tensor_table import Contents, StoredTensor

if TYPE_CHECKING:
    import numpy


class Format(NamedTuple):
    """A file format: its name in messages, and the function that lists a file's tensors."""

    name: str
    read: Callable[[Region], Contents]


HDF5 = Format("an HDF5 file", hdf5_file.read)
ARCHIVE = Format("a zip archive", archive.read)
OLD_TORCH = Format("an old PyTorch file", torch_file.read)
SAFETENSORS = Format("a safetensors file", safetensors_file.read)
ONNX = Format("an ONNX file", onnx_file.read)

# The first bytes of a file -> its format. Which kind of archive a zip is, `archive` finds out; ONNX
# is protobuf, which has no signature.
SIGNATURES = (
    (re.compile(rb"\x89HDF\r\n\x1a\n"), HDF5),
    (re.compile(rb"PK\x03\x04"), ARCHIVE),
    # torch.save's magic number, pickled in any of the protocols 2 to 5.
    (re.compile(rb"\x80[\x02-\x05](\x95.{8})?\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19", re.S), OLD_TORCH),
    # A header's length below 4 GiB. Tested last: its first bytes may look like another signature.
    (re.compile(rb".{4}\0{4}\{", re.S), SAFETENSORS),
)
PICKLE_START = re.compile(rb"\x80[\x00-\x05]|c[\w.]+\n|[(\]}]")

TORCH_SUFFIXES = (".pth", ".pt", ".th", ".pkl", ".bin", ".tar")
FORMATS_OF_SUFFIX = {
    ".h5": (HDF5,),
    ".hdf5": (HDF5,),
    ".keras": (ARCHIVE,),
    ".npz": (ARCHIVE,),
    ".safetensors": (SAFETENSORS,),
    ".onnx": (ONNX,),
    **dict.fromkeys(TORCH_SUFFIXES, (ARCHIVE, OLD_TORCH)),
}
"""The formats that a file of each suffix may have; a file of another suffix may have any format."""


class Checkpoint:
    """An open file of weights; use it inside the `with` block of `open_checkpoint`.

    Args:
        path: the file.
        region: its bytes.
        contents: its tensors.
        parts: the bytes of further files that hold the values.
    """

    def __init__(
        self, path: Path, region: Region, contents: Contents, parts: Sequence[Region] = ()
    ) -> None:
        self.path, self.contents = path, contents
        self._regions = (region, *parts)
        self._states = _states(self._regions)

    @property
    def tensors(self) -> dict[str, StoredTensor]:
        """The file's tensors by name; their values are not read yet."""
        return self.contents.tensors

    @property
    def metadata(self) -> Mapping[str, str]:
        """The texts that the file stores beside its tensors."""
        return self.contents.metadata

    def raw(self, name: str) -> numpy.ndarray:
        """Returns a tensor's values as they are stored, bfloat16 as uint16."""
        return self._read(name, self.tensors[name].raw)

    def rows(self, name: str, start: int, stop: int, scratch: Scratch) -> numpy.ndarray:
        """Returns rows of a tensor as they are stored, in memory of `scratch`.

        The rows are valid until `scratch` is used again.
        """
        return self._read(name, self.tensors[name].rows, start, stop, scratch)

    def _read(
        self, name: str, read: Callable[..., numpy.ndarray], *arguments: Any
    ) -> numpy.ndarray:
        try:
            return read(*arguments)
        except Exception:
            with naming(self.path), reading(f"its tensor {quoted(name)} cannot be read"):
                raise

    @property
    def size(self) -> int:
        """The number of bytes of the file and its further files."""
        return sum(region.size for region in self._regions)

    def sha256(self) -> str:
        """Returns the SHA-256 of the whole file, 64 hexadecimal digits.

        Further files do not count: the file has a checksum of each tensor in them.
        """
        with naming(self.path):
            return self._regions[0].sha256()

    def sha256_in_background(self, ready: threading.Event) -> Callable[[], str]:
        """Starts computing the file's SHA-256 in another thread.

        Computing it takes about as long as a load. The file may be closed before it is done.

        Args:
            ready: the thread starts computing when this is set, to leave the processor to the load.

        Returns:
            A function that waits for the digest and returns it. It raises DamagedFileError when
            the file has changed since it was opened.
        """
        regions = [region.duplicate() for region in self._regions]
        states, path = self._states, named(self.path)
        result: Future[str] = Future()

        def work() -> None:
            ready.wait()
            try:
                digest = regions[0].sha256()
                if _states(regions) != states:
                    raise DamagedFileError(f"{path} changed after it was read")
                result.set_result(digest)
            except BaseException as error:  # raised again in the thread that waits
                result.set_exception(error)
            finally:
                for region in regions:
                    region.close()

        threading.Thread(target=work, name="sha256", daemon=True).start()
        return result.result

    def check_unchanged(self) -> None:
        """Raises DamagedFileError when the file has changed since it was opened."""
        if _states(self._regions) != self._states:
            raise DamagedFileError(f"{named(self.path)} changed while it was read; load it again")


def _states(regions: Sequence[Region]) -> list[tuple[int, int]]:
    return [region.state() for region in regions]


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Adds the file's path to the message of an error about a file of the block."""
    try:
        yield
    except (DamagedFileError, UnsafeFileError) as error:
        raise type(error)(f"{named(path)}: {' '.join(str(error).split())}") from error


@contextlib.contextmanager
def open_checkpoint(path: str | os.PathLike[str]) -> Iterator[Checkpoint]:
    """Opens a file of weights; its first bytes tell its format, which its suffix must allow.

    Args:
        path: .weights.h5, .h5, .keras, .pth, .pt, .th, .pkl, .safetensors, .npz, .onnx, or a
            checkpoint or SavedModel of TensorFlow as in `tf_checkpoint.index_file`.

    Raises:
        DataError: there is no such regular file.
        DamagedFileError: it is empty or truncated.
        FormatError: it is of another format.
        UnsafeFileError: it contains code, links or claims of absurd size.
    """
    path = tf_checkpoint.index_file(path) or Path(path)
    parts: list[Region] = []
    with contextlib.ExitStack() as stack:
        region = _opened(stack, path)

        def beside(ending: str) -> Region:
            """Opens a file of values of TensorFlow's; a link could lead out of the folder."""
            part = path.with_name(path.name.removesuffix(tf_checkpoint.SUFFIX) + ending)
            if part.is_symlink():
                raise UnsafeFileError(f"its {part.name} is a link; copy the file that it leads to")
            if not part.exists():
                raise DamagedFileError(f"its file of values {part.name} is missing; copy it too")
            parts.append(_opened(stack, part))
            return parts[-1]

        with naming(path), reading("it cannot be read"):
            contents = _contents(region, path.suffix.lower(), beside)
        yield Checkpoint(path, region, contents, parts)


def _opened(stack: contextlib.ExitStack, path: Path) -> Region:
    descriptor = stack.enter_context(open_regular(path)).fileno()
    return Region(descriptor, 0, os.fstat(descriptor).st_size)


def _contents(region: Region, suffix: str, beside: tf_checkpoint.Beside) -> Contents:
    if region.size == 0:
        raise DamagedFileError("it is empty; fetch or write it again")
    if suffix == tf_checkpoint.SUFFIX and sorted_table.is_table(region):
        return tf_checkpoint.read(region, beside)
    head = region.read(0, min(region.size, 512))
    kind = next((kind for pattern, kind in SIGNATURES if pattern.match(head)), None)
    if suffix == ".onnx" and kind in (None, SAFETENSORS):
        kind = ONNX
    if kind is None or kind not in FORMATS_OF_SUFFIX.get(suffix, (kind,)):
        raise _refusal(head, suffix, kind)
    return kind.read(region)


def _refusal(head: bytes, suffix: str, kind: Format | None) -> Exception:
    """Returns the error for a file whose first bytes do not belong to a format of its suffix."""
    is_pickle = PICKLE_START.match(head) and (suffix in TORCH_SUFFIXES or head.startswith(b"\x80"))
    if kind is None and is_pickle:
        return UnsafeFileError(
            "it is a bare pickle, which can run any code; save the weights with "
            "torch.save(model.state_dict(), path) or as safetensors"
        )
    ending = f"its name ends in {suffix[:20]!r}" if suffix else "its name has no suffix"
    if kind is not None:
        usual = next(name for name, kinds in FORMATS_OF_SUFFIX.items() if kind in kinds)
        return FormatError(f"{ending}, but it is {kind.name}; rename it to end in {usual!r}")
    other = other_format(head, suffix)
    if other is not None:
        return FormatError(f"it is {other.content}, not a file of weights; {other.advice}")
    if re.match(rb"\s*<", head):
        return DamagedFileError(
            f"{ending}, but it is a web page or XML (a failed download?); fetch it again"
        )
    return DamagedFileError(f"{ending}, but it is of an unknown format, or damaged; fetch it again")
