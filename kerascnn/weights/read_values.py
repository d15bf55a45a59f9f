"""The values of a file's tensors: read, checked, and brought into the variables' order."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from kerascnn.errors import DamagedFileError
from kerascnn.fileio.untrusted import named, quoted
from kerascnn.lazy import np
from kerascnn.weights import axis_order
from kerascnn.weights.buffers import BLOCK, fill, is_finite, packed
from kerascnn.weights.expected_shapes import Expected
from kerascnn.weights.fit import Step
from kerascnn.weights.formats.byte_range import Region, Scratch, aligned, as_floats
from kerascnn.weights.formats.checkpoint import Checkpoint
from kerascnn.weights.load_report import LoadError
from kerascnn.weights.match_names import Match
from kerascnn.weights.name_maps import source_epsilon
from kerascnn.weights.target import Target

if TYPE_CHECKING:
    import numpy as np

FILTERED = ("Conv2D", "GroupedConv2D", "Dense")
"""Layers whose kernels' last axis is PyTorch's first."""
PIECE = 2**20
"""Bytes of a kernel that are brought into another order at once."""
SMALL = 2**16
"""Bytes of a tensor for which that, or a thread, is not worth the while."""


class Values:
    """Reads what the steps of a `Fitter` say; threads may share one.

    Args:
        checkpoint: the open file.
        target: the model.
        match: which tensor is whose.
        digests: SHA-256 of each of our variables, where the file says.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        target: Target,
        match: Match,
        digests: Mapping[str, str],
    ) -> None:
        self.checkpoint, self.target, self.match = checkpoint, target, match
        self.digests = digests
        self._threads = threading.local()

    def of(self, steps: Sequence[Step]) -> list[tuple[np.ndarray, list[str]]]:
        """Returns each variable's new value, and what was done to the file's tensor."""
        return [
            (self._turned(step), []) if self._by_filters(step) else self._value(step)
            for step in steps
        ]

    def _type(self, step: Step) -> np.dtype:
        return _numpy_type(self.target.variables[step.name].dtype)

    def _value(self, step: Step) -> tuple[np.ndarray, list[str]]:
        layer_name, _, variable = step.name.rpartition("/")
        layer = self.target.wanted[layer_name]
        array = self._read(step.key, step.name)
        if variable == "moving_variance":
            self._check_variance(array, step.key)
        if self.match.style == "torch":
            array = axis_order.from_torch(array, layer.kind, variable, step.shape, step.flattened)
        else:
            array = axis_order.as_keras(array, step.shape)
        notes = []
        if step.change is not None:
            array, how = step.change(array)
            notes.append(how)
        bias = self.match.bias(layer, variable)
        if bias is not None:
            array = axis_order.without_bias(array, self._read(bias))
            notes.append("the convolution's bias folded in")
        if layer.epsilon is not None and variable in ("moving_variance", "gamma"):
            array, more = self._for_epsilon(array, layer_name, layer, variable)
            notes += more
        with np.errstate(over="ignore"):
            made = packed(array, self._type(step))
        if not is_finite(made):
            raise self._not_finite(step, bias, made)
        return made, notes

    def _by_filters(self, step: Step) -> bool:
        """Returns whether a kernel is large, and PyTorch's filters are our last axis."""
        layer_name, _, variable = step.name.rpartition("/")
        layer, stored = self.target.wanted[layer_name], self.checkpoint.tensors[step.key]
        plain = isinstance(stored.source, Region) and step.change is None
        plain = plain and variable == "kernel" and layer.kind in FILTERED
        return self.match.style == "torch" and plain and stored.nbytes > SMALL

    def _turned(self, step: Step) -> np.ndarray:
        """Brings a kernel into our order some filters at a time, which stay in the cache."""
        layer = self.target.wanted[step.name.rpartition("/")[0]]
        stored = self.checkpoint.tensors[step.key]
        made = aligned(step.shape, self._type(step))
        count = max(BLOCK, PIECE * stored.shape[0] // stored.nbytes // BLOCK * BLOCK)
        finite = True
        for start in range(0, stored.shape[0], count):
            stop = min(start + count, stored.shape[0])
            raw = self.checkpoint.rows(step.key, start, stop, self._scratch())
            part = as_floats(raw, stored.dtype)
            finite = finite and is_finite(part)
            shape = (*step.shape[:-1], stop - start)
            moved = axis_order.from_torch(part, layer.kind, "kernel", shape, step.flattened)
            with np.errstate(over="ignore"):
                fill(made[..., start:stop], moved)
        if not finite or (made.dtype != np.float32 and not is_finite(made)):
            raise self._not_finite(step, None, made)
        return made

    def _read(self, key: str, name: str = "") -> np.ndarray:
        """Returns a tensor's values as float32, or float64 where they are that; its digest right.

        Args:
            key: the file's tensor.
            name: our variable, for its digest.
        """
        raw = self.checkpoint.raw(key)
        if name in self.digests:
            found = hashlib.sha256(np.ascontiguousarray(raw).data).hexdigest()
            if found != self.digests[name]:
                raise DamagedFileError(
                    f"{named(self.checkpoint.path)}: {quoted(name)} is not what was written (its "
                    "SHA-256 differs); fetch or write the file again"
                )
        array = as_floats(raw, self.checkpoint.tensors[key].dtype)
        return array if array.dtype == np.float64 else array.astype(np.float32, copy=False)

    def _scratch(self) -> Scratch:
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
        """Returns a batch norm's variance or gamma for our epsilon, and what was done to it."""
        ours = layer.epsilon or 0.0
        theirs = source_epsilon(self.target.family, self.match.source, ours)
        if theirs == ours:
            return array, []
        if variable == "moving_variance":
            moved, scale = axis_order.with_epsilon(array, theirs, ours)
            low = int((scale != 1).sum())
            if low and f"{name}/gamma" not in self.match.keys:
                label = quoted(self.match.keys[f"{name}/{variable}"])
                raise LoadError(
                    f"{named(self.checkpoint.path)}: {label} has {low} values below "
                    f"{ours - theirs:g}, which under our epsilon of {ours:g} only a gamma could "
                    "make up for, and this batch norm has none in the file"
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
        how = f"scaled in {low} channels whose variance is below {ours - theirs:g}"
        return array * scale, [how]

    def _not_finite(self, step: Step, bias: str | None, made: np.ndarray) -> Exception:
        path = named(self.checkpoint.path)
        for key in [step.key] if bias is None else [step.key, bias]:
            bad = np.flatnonzero(~np.isfinite(self._read(key)))
            if bad.size:
                return DamagedFileError(
                    f"{path}: {quoted(key)} has {bad.size:,} values that are not finite, the first "
                    f"at index {bad[0]}; the network that was saved had diverged, or the file is "
                    "damaged"
                )
        bad = np.flatnonzero(~np.isfinite(made.astype(np.float32)))
        return LoadError(
            f"{path}: {quoted(step.key)} has {bad.size:,} values that are too large for "
            f"{made.dtype}, the first at index {bad[0]}"
        )


def _numpy_type(dtype: str) -> np.dtype:
    """Returns NumPy's type of a variable, bfloat16 (of ml_dtypes, which Keras brings) included."""
    if dtype == "bfloat16":
        import ml_dtypes

        return np.dtype(ml_dtypes.bfloat16)
    return np.dtype(dtype)
