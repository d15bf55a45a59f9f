"""The table of tensors in a file: names, shapes, types and places, without their values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kerascnn.errors import DamagedFileError, UnsafeFileError
from kerascnn.fileio.pickle_machine import MAXIMUM_RANK
from kerascnn.fileio.untrusted import quoted
from kerascnn.weights.formats.byte_range import ITEM_BYTES, Region, Scratch, volume

if TYPE_CHECKING:
    import numpy


MAXIMUM_TENSORS = 20_000
"""About ten times the largest network here with its optimizer's state."""


MAXIMUM_NAME = 1024


@dataclass(frozen=True, slots=True)
class Stored:
    """One tensor of a file.

    Args:
        shape: as the file declares it.
        dtype: a key of `ITEM_BYTES`.
        source: where the values lie end to end, of the machine's byte order; or, where they do not,
            what returns them, of any strides, bfloat16 as uint16.
        held: bytes that the tensor takes in the file, less than its size when it is packed.
    """

    shape: tuple[int, ...]
    dtype: str
    source: Region | Callable[[], numpy.ndarray]
    held: int

    def rows(self, start: int, stop: int, scratch: Scratch | None = None) -> numpy.ndarray:
        """Returns a part of the values along the first axis; `source` must be a region."""
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
        """Number of values."""
        return volume(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes that the values take in memory."""
        return self.size * ITEM_BYTES[self.dtype]


@dataclass(frozen=True)
class Contents:
    """What a reader finds.

    Args:
        kind: the container.
        tensors: by name.
        metadata: texts beside them.
        ordered: whether the tensors come in the order in which they were written, and not sorted by
            name.
    """

    kind: str
    tensors: dict[str, Stored]
    metadata: Mapping[str, str] = field(default_factory=dict)
    ordered: bool = True

    def __post_init__(self) -> None:
        if len(self.tensors) > MAXIMUM_TENSORS:
            raise UnsafeFileError(f"it has more than {MAXIMUM_TENSORS:,} tensors")
        for name, stored in self.tensors.items():
            if len(name) > MAXIMUM_NAME:
                raise UnsafeFileError(f"a tensor's name has {len(name):,} letters: {quoted(name)}")
            if len(stored.shape) > MAXIMUM_RANK:
                raise DamagedFileError(f"its tensor {quoted(name)} has {len(stored.shape)} axes")
