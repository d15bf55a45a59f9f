"""Judging a file's tensors by their declared shapes and types: what fits a network, and how.

Nothing is read here; `kerascnn.weights.read_values` follows the steps when all is well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kerascnn.errors import UnsafeFileError, UsageError
from kerascnn.fileio.untrusted import named, quoted
from kerascnn.lazy import np
from kerascnn.weights import axis_order, resize_tensors
from kerascnn.weights.expected_shapes import Expected
from kerascnn.weights.formats.byte_range import volume
from kerascnn.weights.formats.checkpoint import Checkpoint
from kerascnn.weights.formats.tensor_table import Stored
from kerascnn.weights.load_report import Mismatch
from kerascnn.weights.match_names import Match
from kerascnn.weights.target import CLASSIFIERS, Target

if TYPE_CHECKING:
    import numpy as np

FLOATS = ("float16", "bfloat16", "float32", "float64")
BACKGROUND = (1001, 1000)
"""Classes of a file whose first is no class of ImageNet, and of a model without it."""
SWELLING = 16
"""How many times more than in the file a tensor may take in memory when its shape is not ours;
floating-point weights hardly compress."""

Change = Callable[["np.ndarray"], "tuple[np.ndarray, str]"]


@dataclass(frozen=True)
class Classes:
    """What to do with a head for other classes, and the names of both."""

    head: str
    ours: Sequence[str] | None
    theirs: Sequence[str] | None


@dataclass(frozen=True)
class Step:
    """How one variable gets its value.

    Args:
        name: "layer/variable".
        key: the file's tensor.
        shape: in which the tensor comes, in our order of axes.
        flattened: the feature map that it reads flattened, if any.
        change: what makes it fit, if it does not.
    """

    name: str
    key: str
    shape: tuple[int, ...]
    flattened: axis_order.MapShape | None = None
    change: Change | None = None


class Fitter:
    """Judges a file's tensors.

    Args:
        checkpoint: the open file.
        target: the model.
        match: which tensor is whose.
        classes: what to do with another head.
    """

    def __init__(
        self, checkpoint: Checkpoint, target: Target, match: Match, classes: Classes
    ) -> None:
        self.checkpoint, self.target, self.match = checkpoint, target, match
        self.classes = classes
        self.mismatched: list[Mismatch] = []
        self.replaced: list[str] = []

    def steps(self) -> list[Step]:
        """Returns what is to be read; fills `mismatched` and `replaced`. Nothing is read yet."""
        made = [self._step(name, key) for name, key in self.match.keys.items()]
        return [step for step in made if step is not None]

    def _step(self, name: str, key: str) -> Step | None:
        layer_name, _, variable = name.rpartition("/")
        layer = self.target.wanted[layer_name]
        shape, stored = layer.variables[variable], self.checkpoint.tensors[key]
        if stored.dtype not in FLOATS:
            self._mismatch(name, stored, shape, f"is of {stored.dtype}, not of floats")
            return None
        count = self._classes(stored)
        if layer_name in CLASSIFIERS and (count != shape[-1] or self._renamed()):
            step = self._classifier(name, key, layer, stored)
        elif self._fits(stored, layer, variable, shape, layer.flattened):
            step = Step(name, key, shape, layer.flattened)
        else:
            step = None
            if variable == "kernel":
                step = self._image(name, key, layer, stored) or self._map(name, key, layer, stored)
            if step is None:
                self._mismatch(name, stored, shape)
                return None
        bias = self.match.bias(layer, variable)
        if bias is not None and self.checkpoint.tensors[bias].shape != shape:
            self._mismatch(bias, self.checkpoint.tensors[bias], shape)
            return None
        return step

    def _mismatch(
        self, name: str, stored: Stored, shape: tuple[int, ...], why: str | None = None
    ) -> None:
        why = why or f"is {stored.shape} in the file and {shape} here"
        self.mismatched.append(Mismatch(name, stored.shape, shape, why))

    def _fits(
        self,
        stored: Stored,
        layer: Expected,
        variable: str,
        shape: tuple[int, ...],
        flattened: axis_order.MapShape | None,
    ) -> bool:
        style = self.match.style
        return axis_order.fits(stored.shape, layer.kind, variable, shape, style, flattened)

    @property
    def _torch(self) -> bool:
        return self.match.style == "torch"

    def _classes(self, stored: Stored) -> int:
        return stored.shape[0 if self._torch else -1] if stored.shape else 0

    def _renamed(self) -> bool:
        ours, theirs = self.classes.ours, self.classes.theirs
        known = ours is not None and theirs is not None
        return self.classes.head == "overlap" and known and list(ours or ()) != list(theirs or ())

    def _image(self, name: str, key: str, layer: Expected, stored: Stored) -> Step | None:
        """The first convolution, made for images of other channels."""
        shape = layer.variables["kernel"]
        if name != f"{self.target.first}/kernel" or len(stored.shape) != 4:
            return None
        old = (*shape[:2], stored.shape[1 if self._torch else 2], shape[3])
        if not self._fits(stored, layer, "kernel", old, None) or not old[2]:
            return None
        self._afford(key, stored)
        return Step(
            name, key, old, None, lambda made: resize_tensors.input_channels(made, shape[2])
        )

    def _map(self, name: str, key: str, layer: Expected, stored: Stored) -> Step | None:
        """A dense layer that reads a flattened map, made for images of another size."""
        after = layer.flattened
        if after is None or not volume(after) * stored.size:
            return None
        channels, units = after[-1], layer.variables["kernel"][-1]
        area, rest = divmod(stored.size, channels * units)
        side = int(area**0.5 + 0.5)
        before, old = (side, side, channels), (area * channels, units)
        if rest or side * side != area or not self._fits(stored, layer, "kernel", old, before):
            return None
        self._afford(key, stored)
        return Step(
            name, key, old, before, lambda made: resize_tensors.flattened_map(made, before, after)
        )

    def _classifier(self, name: str, key: str, layer: Expected, stored: Stored) -> Step | None:
        shape = layer.variables[name.rpartition("/")[2]]
        classes, count = self.classes, self._classes(stored)
        old = (*shape[:-1], count)
        variable = name.rpartition("/")[2]
        if not self._fits(stored, layer, variable, old, layer.flattened):
            self._mismatch(name, stored, shape)
            return None
        plain = Step(name, key, old, layer.flattened)
        if classes.head == "overlap":
            ours, theirs = self._names(shape[-1], count)
            self._afford(key, stored)
            fresh = np.asarray(self.target.variables[name])
            return replace(
                plain, change=lambda made: resize_tensors.overlap(made, fresh, theirs, ours)
            )
        if classes.head != "keep" and (count, shape[-1]) == BACKGROUND:
            return replace(plain, change=resize_tensors.without_background)
        if classes.head == "strict":
            self._mismatch(name, stored, shape)
            return None
        self.replaced.append(name)
        return None

    def _names(self, here: int, there: int) -> tuple[Sequence[str], Sequence[str]]:
        ours, theirs = self.classes.ours, self.classes.theirs
        if ours is None or theirs is None:
            raise UsageError(
                "head='overlap' needs class_names and, for a file that has none, source_class_names"
            )
        if len(ours) != here or len(theirs) != there:
            raise UsageError(
                f"class_names must have {here} names and source_class_names {there}, got "
                f"{len(ours)} and {len(theirs)}"
            )
        return ours, theirs

    def _afford(self, key: str, stored: Stored) -> None:
        """Refuses a tensor that is not of our size and swells when it is read."""
        if stored.nbytes > SWELLING * max(stored.held, 1):
            raise UnsafeFileError(
                f"{named(self.checkpoint.path)}: its tensor {quoted(key)} would swell from "
                f"{stored.held:,} to {stored.nbytes:,} bytes"
            )
