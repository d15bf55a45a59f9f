"""Compares the shapes and types of a file's tensors with a model, and plans how to convert them.

No values are read here; `kerascnn.weights.read_values` carries out the plan if everything fits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kerascnn.errors import UsageError
from kerascnn.lazy import np
from kerascnn.weights import axis_order, resize_tensors
from kerascnn.weights.expected_shapes import Expected
from kerascnn.weights.formats.byte_range import volume
from kerascnn.weights.formats.checkpoint import Checkpoint, naming
from kerascnn.weights.formats.tensor_table import StoredTensor
from kerascnn.weights.load_report import Mismatch
from kerascnn.weights.match_names import Match
from kerascnn.weights.target_model import CLASSIFIERS, TargetModel

if TYPE_CHECKING:
    import numpy as np

FLOATS = ("float16", "bfloat16", "float32", "float64")
WITH_AND_WITHOUT_BACKGROUND = (1001, 1000)
"""Numbers of classes of ImageNet with an additional first class, the background, and without."""

Change = Callable[["np.ndarray"], "tuple[np.ndarray, str]"]


@dataclass(frozen=True)
class Classes:
    """What to do with a head for other classes, and the class names of model and file.

    Args:
        head: "auto", "keep", "overlap" or "strict", as for `load_weights`.
        ours: the model's class names, if known.
        theirs: the file's class names, if known.
    """

    head: str
    ours: Sequence[str] | None
    theirs: Sequence[str] | None


@dataclass(frozen=True)
class Step:
    """How a variable gets its value from a tensor of the file.

    Args:
        name: the variable, "layer/variable".
        key: the file's tensor.
        shape: the tensor's shape, in our order of axes.
        flattened: shape of the feature map whose flattened values the layer reads; otherwise None.
        change: the function that converts the tensor to the variable's shape; None if it fits.
    """

    name: str
    key: str
    shape: tuple[int, ...]
    flattened: axis_order.MapShape | None = None
    change: Change | None = None


class Fitter:
    """Plans how each variable gets its value, and collects the tensors that do not fit.

    Args:
        checkpoint: the open file.
        target: the model.
        match: the file's tensor for each variable.
        classes: what to do with a head for other classes.
    """

    def __init__(
        self, checkpoint: Checkpoint, target: TargetModel, match: Match, classes: Classes
    ) -> None:
        self.checkpoint, self.target, self.match = checkpoint, target, match
        self.classes = classes
        self.mismatched: list[Mismatch] = []
        self.replaced: list[str] = []

    def steps(self) -> list[Step]:
        """Returns the steps of all variables that can be loaded.

        Adds the tensors that do not fit to `mismatched`, and the variables that keep or get new
        initial values to `replaced`.
        """
        steps = [self._step(name, key) for name, key in self.match.keys.items()]
        return [step for step in steps if step is not None]

    def _step(self, name: str, key: str) -> Step | None:
        """Returns the step of a variable, or None if it cannot or should not be loaded."""
        layer_name, layer, variable = self.target.split(name)
        shape, stored = layer.variables[variable], self.checkpoint.tensors[key]
        if stored.dtype not in FLOATS:
            self._mismatch(name, stored, shape, f"is of {stored.dtype}, not of floats")
            return None
        count = self._class_count(stored)
        if layer_name in CLASSIFIERS and (count != shape[-1] or self._other_classes()):
            step = self._classifier(name, key, layer, stored)
        elif self._fits(stored, layer, variable, shape, layer.flattened):
            step = Step(name, key, shape, layer.flattened)
        else:
            step = None
            if variable == "kernel":
                step = self._other_channels(name, key, layer, stored)
                step = step or self._other_map(name, key, layer, stored)
            if step is None:
                self._mismatch(name, stored, shape)
                return None
        bias = self.match.bias(layer, variable)
        if bias is not None and self.checkpoint.tensors[bias].shape != shape:
            self._mismatch(bias, self.checkpoint.tensors[bias], shape)
            return None
        return step

    def _mismatch(
        self, name: str, stored: StoredTensor, shape: tuple[int, ...], why: str | None = None
    ) -> None:
        why = why or f"is {stored.shape} in the file and {shape} here"
        self.mismatched.append(Mismatch(name, stored.shape, shape, why))

    def _fits(
        self,
        stored: StoredTensor,
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

    def _class_count(self, stored: StoredTensor) -> int:
        """Returns the number of classes of a classifier's tensor."""
        return stored.shape[0 if self._torch else -1] if stored.shape else 0

    def _other_classes(self) -> bool:
        """Returns whether classes are to be copied by name, and the names or their order differ."""
        ours, theirs = self.classes.ours, self.classes.theirs
        known = ours is not None and theirs is not None
        return self.classes.head == "overlap" and known and list(ours or ()) != list(theirs or ())

    def _other_channels(
        self, name: str, key: str, layer: Expected, stored: StoredTensor
    ) -> Step | None:
        """Returns the step if the tensor is a first convolution for other image channels."""
        shape = layer.variables["kernel"]
        if name != f"{self.target.first_convolution}/kernel" or len(stored.shape) != 4:
            return None
        old = (*shape[:2], stored.shape[1 if self._torch else 2], shape[3])
        if not self._fits(stored, layer, "kernel", old, None) or not old[2]:
            return None
        self._check_expansion(key, stored)
        return Step(
            name, key, old, None, lambda array: resize_tensors.input_channels(array, shape[2])
        )

    def _other_map(self, name: str, key: str, layer: Expected, stored: StoredTensor) -> Step | None:
        """Returns the step if the tensor is a dense layer for a flattened map of another size."""
        after = layer.flattened
        if after is None or not volume(after) * stored.size:
            return None
        channels, units = after[-1], layer.variables["kernel"][-1]
        area, rest = divmod(stored.size, channels * units)
        side = int(area**0.5 + 0.5)
        before, old = (side, side, channels), (area * channels, units)
        if rest or side * side != area or not self._fits(stored, layer, "kernel", old, before):
            return None
        self._check_expansion(key, stored)
        return Step(
            name, key, old, before, lambda array: resize_tensors.flattened_map(array, before, after)
        )

    def _classifier(
        self, name: str, key: str, layer: Expected, stored: StoredTensor
    ) -> Step | None:
        """Returns the step of a classifier for other classes, or None if it is not loaded."""
        _, _, variable = self.target.split(name)
        shape = layer.variables[variable]
        classes, count = self.classes, self._class_count(stored)
        old = (*shape[:-1], count)
        if not self._fits(stored, layer, variable, old, layer.flattened):
            self._mismatch(name, stored, shape)
            return None
        plain = Step(name, key, old, layer.flattened)
        if classes.head == "overlap":
            ours, theirs = self._class_names(shape[-1], count)
            self._check_expansion(key, stored)
            fresh = np.asarray(self.target.variables[name])
            return replace(
                plain, change=lambda array: resize_tensors.overlap(array, fresh, theirs, ours)
            )
        if classes.head != "keep" and (count, shape[-1]) == WITH_AND_WITHOUT_BACKGROUND:
            return replace(plain, change=resize_tensors.without_background)
        if classes.head == "strict":
            self._mismatch(name, stored, shape)
            return None
        self.replaced.append(name)
        return None

    def _class_names(self, our_count: int, their_count: int) -> tuple[Sequence[str], Sequence[str]]:
        """Returns the class names of model and file, after checking their numbers."""
        ours, theirs = self.classes.ours, self.classes.theirs
        if ours is None or theirs is None:
            raise UsageError(
                "head='overlap' needs class_names and, for a file that has none, source_class_names"
            )
        if len(ours) != our_count or len(theirs) != their_count:
            raise UsageError(
                f"class_names must have {our_count} names and source_class_names {their_count}, "
                f"got {len(ours)} and {len(theirs)}"
            )
        return ours, theirs

    def _check_expansion(self, key: str, stored: StoredTensor) -> None:
        """Raises UnsafeFileError if a tensor, whose size is not the variable's, is too large."""
        with naming(self.checkpoint.path):
            stored.check_expansion(key)
