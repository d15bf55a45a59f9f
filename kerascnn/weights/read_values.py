"""Reads the values of a file's tensors, checks them, and converts them for the variables."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from kerascnn.errors import DamagedFileError
from kerascnn.fileio.untrusted import named, quoted
from kerascnn.lazy import np
from kerascnn.weights import axis_order, file_metadata
from kerascnn.weights.buffers import BLOCK, fill, is_finite, packed
from kerascnn.weights.expected_shapes import Expected
from kerascnn.weights.fit import Step
from kerascnn.weights.formats.byte_range import Region, Scratch, aligned, as_floats
from kerascnn.weights.formats.checkpoint import Checkpoint
from kerascnn.weights.load_report import LoadError
from kerascnn.weights.match_names import Match
from kerascnn.weights.target_model import TargetModel

if TYPE_CHECKING:
    import numpy as np

FILTERS_LAST = ("Conv2D", "GroupedConv2D", "Dense")
"""Layers whose kernel has the filters as its last axis here, and as its first in PyTorch."""
CONVERTED_BYTES = 2**20
"""Bytes of a kernel whose axes are reordered at once, so that they fit the processor's cache."""
SMALL = 2**16
"""Tensors up to this number of bytes are read at once, without another thread."""


class Values:
    """Reads the variables' new values from a file; several threads may use the same object.

    Args:
        checkpoint: the open file.
        target: the model.
        match: the file's tensor for each variable.
        digests: the SHA-256 of each variable that the file has one for.
        epsilon: epsilon of the batch norms of the file's network; None if it is that of the model.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        target: TargetModel,
        match: Match,
        digests: Mapping[str, str],
        epsilon: float | None = None,
    ) -> None:
        self.checkpoint, self.target, self.match = checkpoint, target, match
        self.digests, self.epsilon = digests, epsilon
        self._threads = threading.local()

    def of(self, steps: Sequence[Step]) -> list[tuple[np.ndarray, list[str]]]:
        """Returns the new value of each step's variable, and notes on how it was changed."""
        return [
            (self._large_kernel(step), []) if self._is_large_kernel(step) else self._value(step)
            for step in steps
        ]

    def _type(self, step: Step) -> np.dtype:
        return _numpy_type(self.target.variables[step.name].dtype)

    def _value(self, step: Step) -> tuple[np.ndarray, list[str]]:
        layer_name, layer, variable = self.target.split(step.name)
        array = self._read(step.key, step.name)
        if variable == "moving_variance":
            self._check_variance(array, step.key)
        if self.match.style == "torch":
            array = axis_order.from_torch(array, layer.kind, variable, step.shape, step.flattened)
        else:
            array = axis_order.as_keras(array, step.shape)
        notes = []
        if step.change is not None:
            array, note = step.change(array)
            notes.append(note)
        bias = self.match.bias(layer, variable)
        if bias is not None:
            array = axis_order.without_bias(array, self._read(bias))
            notes.append("the convolution's bias folded in")
        if layer.epsilon is not None and variable in ("moving_variance", "gamma"):
            array, epsilon_notes = self._for_epsilon(array, layer_name, layer, variable)
            notes += epsilon_notes
        with np.errstate(over="ignore"):
            value = packed(array, self._type(step))
        if not is_finite(value):
            raise self._not_finite(step, bias, value)
        return value, notes

    def _is_large_kernel(self, step: Step) -> bool:
        """Returns whether `_large_kernel` can read the step: a large kernel of PyTorch."""
        _, layer, variable = self.target.split(step.name)
        stored = self.checkpoint.tensors[step.key]
        plain = isinstance(stored.source, Region) and step.change is None
        plain = plain and variable == "kernel" and layer.kind in FILTERS_LAST
        return self.match.style == "torch" and plain and stored.nbytes > SMALL

    def _large_kernel(self, step: Step) -> np.ndarray:
        """Reads a kernel and reorders its axes, a few filters at a time, which the cache holds."""
        _, layer, _ = self.target.split(step.name)
        stored = self.checkpoint.tensors[step.key]
        kernel = aligned(step.shape, self._type(step))
        count = max(BLOCK, CONVERTED_BYTES * stored.shape[0] // stored.nbytes // BLOCK * BLOCK)
        finite = True
        for start in range(0, stored.shape[0], count):
            stop = min(start + count, stored.shape[0])
            raw = self.checkpoint.rows(step.key, start, stop, self._scratch())
            filters = as_floats(raw, stored.dtype)
            finite = finite and is_finite(filters)
            shape = (*step.shape[:-1], stop - start)
            reordered = axis_order.from_torch(filters, layer.kind, "kernel", shape, step.flattened)
            with np.errstate(over="ignore"):
                fill(kernel[..., start:stop], reordered)
        if not finite or (kernel.dtype != np.float32 and not is_finite(kernel)):
            raise self._not_finite(step, None, kernel)
        return kernel

    def _read(self, key: str, name: str = "") -> np.ndarray:
        """Returns a tensor's values as float64 if stored so, otherwise float32; checks its digest.

        Args:
            key: the file's tensor.
            name: the variable, whose digest is checked if the file has one.
        """
        raw = self.checkpoint.raw(key)
        if name in self.digests and file_metadata.tensor_digest(raw) != self.digests[name]:
            raise DamagedFileError(
                f"{named(self.checkpoint.path)}: {quoted(name)} has changed since it was written "
                "(its SHA-256 differs); fetch or write the file again"
            )
        array = as_floats(raw, self.checkpoint.tensors[key].dtype)
        return array if array.dtype == np.float64 else array.astype(np.float32, copy=False)

    def _scratch(self) -> Scratch:
        """Returns the scratch memory of the current thread."""
        if not hasattr(self._threads, "scratch"):
            self._threads.scratch = Scratch()
        scratch: Scratch = self._threads.scratch
        return scratch

    def _check_variance(self, array: np.ndarray, key: str) -> None:
        if array.size and array.min() < 0:
            raise DamagedFileError(
                f"{named(self.checkpoint.path)}: {quoted(key)} has a negative variance"
            )

    def _for_epsilon(
        self, array: np.ndarray, name: str, layer: Expected, variable: str
    ) -> tuple[np.ndarray, list[str]]:
        """Returns a batch norm's variance or gamma for our epsilon, and notes on the change."""
        ours = layer.epsilon or 0.0
        theirs = ours if self.epsilon is None else self.epsilon
        if theirs == ours:
            return array, []
        if variable == "moving_variance":
            moved, scale = axis_order.with_epsilon(array, theirs, ours)
            low = int((scale != 1).sum())
            if low and f"{name}/gamma" not in self.match.keys:
                label = quoted(self.match.keys[f"{name}/{variable}"])
                raise LoadError(
                    f"{named(self.checkpoint.path)}: {label} has {low} values below "
                    f"{ours - theirs:g}; with our epsilon of {ours:g} they need a gamma to give "
                    "the same result, and this batch norm has none in the file"
                )
            return moved, [f"epsilon {theirs:g} -> {ours:g} folded in"]
        key = self.match.keys.get(f"{name}/moving_variance")
        if theirs > ours or key is None:
            return array, []
        variance = self._read(key)
        self._check_variance(variance, key)
        _, scale = axis_order.with_epsilon(variance, theirs, ours)
        low = int((scale != 1).sum())
        if not low:
            return array, []
        note = f"scaled in {low} channels whose variance is below {ours - theirs:g}"
        return array * scale, [note]

    def _not_finite(self, step: Step, bias: str | None, value: np.ndarray) -> Exception:
        """Returns the error for a variable whose new value is not finite.

        Args:
            step: the step that read the value.
            bias: the file's bias that was folded into it, if any.
            value: the new value.
        """
        path = named(self.checkpoint.path)
        for key in [step.key] if bias is None else [step.key, bias]:
            bad = np.flatnonzero(~np.isfinite(self._read(key)))
            if bad.size:
                return DamagedFileError(
                    f"{path}: {quoted(key)} has {bad.size:,} values that are not finite, the first "
                    f"at index {bad[0]}; the training of that network had diverged, or the file is "
                    "damaged"
                )
        bad = np.flatnonzero(~np.isfinite(value.astype(np.float32)))
        return LoadError(
            f"{path}: {quoted(step.key)} has {bad.size:,} values that are too large for "
            f"{value.dtype}, the first at index {bad[0]}"
        )


def _numpy_type(dtype: str) -> np.dtype:
    """Returns NumPy's type for a variable's dtype; bfloat16 is of ml_dtypes, which Keras needs."""
    if dtype == "bfloat16":
        import ml_dtypes

        return np.dtype(ml_dtypes.bfloat16)
    return np.dtype(dtype)
