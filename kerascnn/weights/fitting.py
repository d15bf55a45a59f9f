"""Fitting a file's tensors to a network's variables.

First every tensor is judged by its declared shape and type (`Fitter.steps`); only when all is well
are values read, checked and brought into the variables' order (`Fitter.values`).
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from kerascnn.errors import DamagedFileError, UnsafeFileError, UsageError
from kerascnn.lazy import np
from kerascnn.reading import named, quoted
from kerascnn.weights import surgery, tensors
from kerascnn.weights.checkpoint import Checkpoint, Stored
from kerascnn.weights.expected import Expected
from kerascnn.weights.layouts import OURS, source_epsilon
from kerascnn.weights.matching import Match
from kerascnn.weights.memory import BLOCK, fill, is_finite, packed
from kerascnn.weights.region import Arena, Region, Scratch, as_floats, volume
from kerascnn.weights.report import LoadError, Mismatch
from kerascnn.weights.target import CLASSIFIERS, Target

if TYPE_CHECKING:
    import numpy as np

FLOATS = ("float16", "bfloat16", "float32", "float64")
BACKGROUND = (1001, 1000)
"""Classes of a file whose first is no class of ImageNet, and of a model without it."""
SWELLING = 16
"""How many times more than in the file a tensor may take in memory when its shape is not ours;
floating-point weights hardly compress."""

FILTERED = ("Conv2D", "GroupedConv2D", "Dense")
"""Layers whose kernels' last axis is PyTorch's first."""
PIECE = 2**20
"""Bytes of a kernel that are brought into another order at once."""
SMALL = 2**16
"""Bytes of a kernel for which that is not worth the while."""

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
    flattened: tensors.MapShape | None = None
    change: Change | None = None


class Fitter:
    """Judges a file's tensors, and reads those that fit.

    Args:
        checkpoint: the open file.
        target: the model.
        match: which tensor is whose.
        classes: what to do with another head.
        digests: SHA-256 of each of our variables, where the file says.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        target: Target,
        match: Match,
        classes: Classes,
        digests: Mapping[str, str],
    ) -> None:
        self.checkpoint, self.target, self.match = checkpoint, target, match
        self.classes = classes
        self.digests = digests if match.source == OURS else {}
        self.mismatched: list[Mismatch] = []
        self.replaced: list[str] = []
        self._threads = threading.local()

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
        bias = self._bias(layer, variable)
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
        flattened: tensors.MapShape | None,
    ) -> bool:
        style = self.match.style
        return tensors.fits(stored.shape, layer.kind, variable, shape, style, flattened)

    @property
    def _torch(self) -> bool:
        return self.match.style == "torch"

    def _classes(self, stored: Stored) -> int:
        return stored.shape[0 if self._torch else -1] if stored.shape else 0

    def _bias(self, layer: Expected, variable: str) -> str | None:
        """Returns the file's bias that a moving mean has to absorb."""
        if variable != "moving_mean" or layer.normalizes is None:
            return None
        return self.match.biases.get(layer.normalizes)

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
        return Step(name, key, old, None, lambda made: surgery.input_channels(made, shape[2]))

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
        return Step(name, key, old, before, lambda made: surgery.flattened_map(made, before, after))

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
            return replace(plain, change=lambda made: surgery.overlap(made, fresh, theirs, ours))
        if classes.head != "keep" and (count, shape[-1]) == BACKGROUND:
            return replace(plain, change=surgery.without_background)
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

    def values(self, steps: Sequence[Step]) -> list[tuple[np.ndarray, list[str]]]:
        """Returns each variable's new value, and what was done to the file's tensor."""
        turned = [step for step in steps if self._by_filters(step)]
        arena = Arena(volume(step.shape) * self._type(step).itemsize for step in turned)
        return [
            (self._turned(step, arena), []) if step in turned else self._value(step)
            for step in steps
        ]

    def _type(self, step: Step) -> np.dtype:
        return _numpy_type(self.target.variables[step.name].dtype)

    def _value(self, step: Step) -> tuple[np.ndarray, list[str]]:
        layer_name, _, variable = step.name.rpartition("/")
        layer = self.target.wanted[layer_name]
        array = self._read(step.key, step.name)
        if variable == "moving_variance" and array.size and array.min() < 0:
            raise DamagedFileError(
                f"{named(self.checkpoint.path)}: {quoted(step.key)} has a negative variance"
            )
        if self._torch:
            array = tensors.from_torch(array, layer.kind, variable, step.shape, step.flattened)
        else:
            array = tensors.as_keras(array, step.shape)
        notes = []
        if step.change is not None:
            array, how = step.change(array)
            notes.append(how)
        bias = self._bias(layer, variable)
        if bias is not None:
            array = tensors.without_bias(array, self._read(bias))
            notes.append("the convolution's bias folded in")
        if variable == "moving_variance" and layer.epsilon is not None:
            theirs = source_epsilon(self.target.family, self.match.source, layer.epsilon)
            if theirs != layer.epsilon:
                array = self._with_epsilon(array, theirs, layer.epsilon, step)
                notes.append(f"epsilon {theirs:g} -> {layer.epsilon:g} folded in")
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
        return self._torch and plain and stored.nbytes > SMALL

    def _turned(self, step: Step, arena: Arena) -> np.ndarray:
        """Brings a kernel into our order some filters at a time, which stay in the cache."""
        layer = self.target.wanted[step.name.rpartition("/")[0]]
        stored = self.checkpoint.tensors[step.key]
        made = arena.array(step.shape, self._type(step))
        count = max(BLOCK, PIECE * stored.shape[0] // stored.nbytes // BLOCK * BLOCK)
        finite = True
        for start in range(0, stored.shape[0], count):
            stop = min(start + count, stored.shape[0])
            raw = self.checkpoint.rows(step.key, start, stop, self._scratch())
            part = as_floats(raw, stored.dtype)
            finite = finite and is_finite(part)
            shape = (*step.shape[:-1], stop - start)
            moved = tensors.from_torch(part, layer.kind, "kernel", shape, step.flattened)
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

    def _with_epsilon(self, array: np.ndarray, theirs: float, ours: float, step: Step) -> Any:
        try:
            return tensors.with_epsilon(array, theirs, ours)
        except ValueError as error:
            raise LoadError(
                f"{named(self.checkpoint.path)}: {quoted(step.key)}: {error}"
            ) from error

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
