"""The table of tensors in a file: names, shapes, types and positions, without their values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kerascnn.errors import DamagedFileError, UnsafeFileError
from kerascnn.fileio.pickle_names import MAXIMUM_RANK
from kerascnn.fileio.untrusted import quoted
from kerascnn.weights.formats.byte_range import ITEM_BYTES, Region, Scratch, volume

if TYPE_CHECKING:
    import numpy

MAXIMUM_TENSORS = 20_000
"""Tensors per file; about ten times those of the largest network with its optimizer's state."""
MAXIMUM_NAME = 1024
"""Characters of a tensor's name."""
MAXIMUM_EXPANSION = 16
"""How many times its size in the file a tensor may take in memory. Floating-point weights hardly
compress, so a larger factor means a file that was made to fill the memory."""


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor of a file, described without its values.

    Args:
        shape: the shape that the file declares.
        dtype: the type of its elements, a key of `ITEM_BYTES`.
        source: the region of the file with the values, if they are contiguous and in the machine's
            byte order; otherwise a function that returns them as an array of any strides, bfloat16
            as uint16.
        stored_bytes: bytes that the tensor takes in the file; fewer than `nbytes` if compressed.
    """

    shape: tuple[int, ...]
    dtype: str
    source: Region | Callable[[], numpy.ndarray]
    stored_bytes: int

    def rows(self, start: int, stop: int, scratch: Scratch | None = None) -> numpy.ndarray:
        """Returns the rows from `start` to `stop` of the first axis; `source` must be a region.

        Args:
            start: the first row.
            stop: the row after the last.
            scratch: memory for the values, which are valid until it is used again.
        """
        assert isinstance(self.source, Region)
        size = volume(self.shape[1:])
        offset = start * size * ITEM_BYTES[self.dtype]
        flat = self.source.array(self.dtype, (stop - start) * size, offset, scratch=scratch)
        return flat.reshape(stop - start, *self.shape[1:])

    def raw(self) -> numpy.ndarray:
        """Returns the values as they are stored, bfloat16 as uint16."""
        if isinstance(self.source, Region):
            return self.source.array(self.dtype, self.size).reshape(self.shape)
        return self.source()

    @property
    def size(self) -> int:
        """The number of values."""
        return volume(self.shape)

    @property
    def nbytes(self) -> int:
        """The bytes that the values take in memory."""
        return self.size * ITEM_BYTES[self.dtype]

    def check_expansion(self, name: str, smallest: int = 1) -> None:
        """Raises UnsafeFileError when the tensor takes far more memory than bytes of the file.

        Args:
            name: the tensor's name, for the message.
            smallest: stored bytes below this number count as this number.
        """
        if self.nbytes > MAXIMUM_EXPANSION * max(self.stored_bytes, smallest):
            raise UnsafeFileError(
                f"its tensor {quoted(name)} would expand from {self.stored_bytes:,} to "
                f"{self.nbytes:,} bytes"
            )


@dataclass(frozen=True)
class Contents:
    """The contents of a file of weights.

    Args:
        kind: the file format, for reports.
        tensors: its tensors by name.
        metadata: the texts stored beside the tensors.
        config: the configuration of the whole Keras model that the file holds, parsed from JSON;
            None if it holds none.
        tables: the tensors of each table in the file, by the table's path in it, if it can hold
            several; `tensors` is one of them.
        table: the path of `tensors`.
        unread: tensors of the file that are not read, and classes of objects that were not built.
        outer: names of the tensors of a model around an inner model; empty if there is no inner
            model.
        ordered: whether the tensors have the order in which they were written; False when the
            format sorts them by name.
    """

    kind: str
    tensors: dict[str, StoredTensor]
    metadata: Mapping[str, str] = field(default_factory=dict)
    ordered: bool = True
    config: Any = None
    tables: Mapping[str, dict[str, StoredTensor]] = field(default_factory=dict)
    table: str = ""
    unread: tuple[str, ...] = ()
    outer: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.tensors) > MAXIMUM_TENSORS:
            raise UnsafeFileError(f"it has more than {MAXIMUM_TENSORS:,} tensors")
        for name, stored in self.tensors.items():
            if len(name) > MAXIMUM_NAME:
                raise UnsafeFileError(
                    f"a tensor's name has {len(name):,} characters: {quoted(name)}"
                )
            if len(stored.shape) > MAXIMUM_RANK:
                raise DamagedFileError(f"its tensor {quoted(name)} has {len(stored.shape)} axes")


def add_tensor(tensors: dict[str, StoredTensor], name: str, tensor: StoredTensor) -> None:
    """Adds a tensor to a table, which must not have its name and must not be full.

    Raises:
        DamagedFileError: the table has a tensor of this name.
        UnsafeFileError: the table has `MAXIMUM_TENSORS` tensors.
    """
    if name in tensors:
        raise DamagedFileError(f"it has two tensors called {quoted(name)}")
    if len(tensors) == MAXIMUM_TENSORS:
        raise UnsafeFileError(f"it has more than {MAXIMUM_TENSORS:,} tensors")
    tensors[name] = tensor
