"""Fitting a file's tensors to a network's variables: order of axes, surgery, refusals."""

from __future__ import annotations

import hashlib
import importlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kerascnn.errors import DamagedFileError, UsageError
from kerascnn.lazy import np
from kerascnn.weights import surgery, tensors
from kerascnn.weights.checkpoint import Checkpoint, Stored
from kerascnn.weights.expected import Expected
from kerascnn.weights.matching import OURS, Match, find_source
from kerascnn.weights.report import Adaptation, LoadError, LoadReport

if TYPE_CHECKING:
    import keras
    import numpy as np

CLASSIFIERS = ("predictions", "aux1", "aux2")
FLOATS = ("float16", "bfloat16", "float32", "float64")


@dataclass(frozen=True)
class Classes:
    head: str
    ours: Sequence[str] | None
    theirs: Sequence[str] | None


@dataclass(frozen=True)
class Target:
    """The model's side: what it expects, its variables, and where it comes from."""

    model: keras.Model
    wanted: dict[str, Expected]
    variables: dict[str, Any]
    family: str | None
    full: dict[str, Expected]
    """The same network with its head, to know what of a file belongs to a head."""
    first: str | None
    """The convolution that reads the image."""


class Fitter:
    """Works out every array of a load before any is assigned, and keeps a record of it."""

    def __init__(
        self, checkpoint: Checkpoint, target: Target, match: Match, classes: Classes
    ) -> None:
        self.checkpoint, self.target, self.match, self.classes = checkpoint, target, match, classes
        self.adapted: list[Adaptation] = []
        self.problems: list[str] = []
        self.replaced: list[str] = []
        self.digests = _digests(checkpoint)
        self.headless = [
            name for name in match.missing if name.split("/")[0] in _head_layers(target)
        ]

    def arrays(self) -> dict[str, np.ndarray]:
        """Returns the new value of every variable that the file gives one."""
        made: dict[str, np.ndarray] = {}
        for name, key in self.match.keys.items():
            layer_name, variable = name.rsplit("/", 1)
            layer = self.target.wanted[layer_name]
            stored = self.checkpoint.tensors[key]
            array = self._fitted(name, layer_name, variable, layer, stored)
            if array is None:
                continue
            if variable == "moving_mean" and layer.normalizes in self.match.biases:
                bias = self.checkpoint.tensors[self.match.biases[layer.normalizes]]
                array = tensors.without_bias(
                    array, self._read(self.match.biases[layer.normalizes], bias)
                )
                self._note(name, stored, "the convolution's bias folded in")
            if variable == "moving_variance" and layer.epsilon is not None:
                array = self._epsilon(name, array, layer.epsilon, stored)
            made[name] = array
        self.replaced += self.headless
        if self.problems:
            shown = "; ".join(self.problems[:3])
            more = len(self.problems) - 3
            raise LoadError(
                f"{self.checkpoint.path} does not fit {self.target.model.name}: {shown}"
                + (f"; and {more} more" if more > 0 else ""),
                self.report({}),
            )
        return made

    def _read(self, name: str, stored: Stored) -> np.ndarray:
        if stored.dtype not in FLOATS:
            raise LoadError(f"{self.checkpoint.path}: {name} is of {stored.dtype}, not of floats")
        raw = np.asarray(stored.read())
        if name in self.digests:
            digest = hashlib.sha256(np.ascontiguousarray(raw).tobytes()).hexdigest()
            if digest != self.digests[name]:
                raise DamagedFileError(
                    f"{self.checkpoint.path}: {name} is not what was written (its SHA-256 differs); "
                    "fetch or write the file again"
                )
        with np.errstate(over="ignore"):
            array = raw.astype(np.float32)
        if not np.isfinite(array).all():
            bad = int(np.flatnonzero(~np.isfinite(array.ravel()))[0])
            raise DamagedFileError(
                f"{self.checkpoint.path}: {name} has a value that is not finite, at index {bad}"
            )
        return array

    def _fitted(
        self, name: str, layer_name: str, variable: str, layer: Expected, stored: Stored
    ) -> np.ndarray | None:
        shape = layer.variables[variable]
        if (
            layer_name in CLASSIFIERS
            and (stored.shape or (0,))[0 if self._torch else -1] != shape[-1]
        ):
            return self._classifier(name, variable, layer, stored)
        if self._size(shape) == stored.size:
            return self._ordered(name, variable, layer, shape, stored)
        if layer_name == self.target.first and variable == "kernel":
            axis = 1 if self._torch else 2
            if (
                len(stored.shape) == 4
                and stored.size * shape[2] == self._size(shape) * stored.shape[axis]
            ):
                old = (*shape[:2], stored.shape[axis], shape[3])
                array = self._ordered(name, variable, layer, old, stored)
                if array is not None:
                    array, how = surgery.input_channels(array, shape[2])
                    self._note(name, stored, how)
                return array
        if layer.flattened is not None and variable == "kernel":
            return self._flattened(name, layer, shape, stored)
        self._problem(name, stored, shape)
        return None

    @property
    def _torch(self) -> bool:
        return self.match.style == "torch"

    def _ordered(
        self, name: str, variable: str, layer: Expected, shape: tuple[int, ...], stored: Stored
    ) -> np.ndarray | None:
        """Reads a tensor of the right size and brings its axes into our order."""
        if variable == "moving_variance":
            array = self._read(name, stored)
            if array.size and array.min() < 0:
                raise DamagedFileError(f"{self.checkpoint.path}: {name} has a negative variance")
        try:
            array = self._read(name, stored)
            if self._torch:
                return tensors.from_torch(array, layer.kind, variable, shape, layer.flattened)
            return tensors.as_keras(array, shape)
        except ValueError:
            self._problem(name, stored, shape)
            return None

    def _flattened(
        self, name: str, layer: Expected, shape: tuple[int, ...], stored: Stored
    ) -> np.ndarray | None:
        assert layer.flattened is not None
        *_, channels = layer.flattened
        units = shape[-1]
        area, rest = divmod(stored.size, channels * units)
        side = int(area**0.5 + 0.5)
        if rest or side * side != area:
            self._problem(name, stored, shape)
            return None
        before = (side, side, channels)
        old = (area * channels, units)
        array = self._read(name, stored)
        try:
            if self._torch:
                array = tensors.from_torch(array, layer.kind, "kernel", old, before)
            else:
                array = tensors.as_keras(array, old)
        except ValueError:
            self._problem(name, stored, shape)
            return None
        array, how = surgery.flattened_map(array, before, layer.flattened)
        self._note(name, stored, how)
        return array

    def _classifier(
        self, name: str, variable: str, layer: Expected, stored: Stored
    ) -> np.ndarray | None:
        shape, classes = layer.variables[variable], self.classes
        count = stored.shape[0 if self._torch else -1] if stored.shape else 0
        old = (*shape[:-1], count)
        if self._size(old) != stored.size:
            self._problem(name, stored, shape)
            return None
        if count == shape[-1] + 1:
            array = self._ordered(name, variable, layer, old, stored)
            dropped = None if array is None else surgery.without_background(array, shape[-1])
            if dropped is not None:
                self._note(name, stored, dropped[1])
                return dropped[0]
        if classes.head == "overlap":
            if classes.ours is None or classes.theirs is None:
                raise UsageError(
                    "head='overlap' needs class_names and, for a file that has none, "
                    "source_class_names"
                )
            if len(classes.ours) != shape[-1] or len(classes.theirs) != count:
                raise UsageError(
                    f"class_names must have {shape[-1]} names and source_class_names {count}"
                )
            array = self._ordered(name, variable, layer, old, stored)
            if array is None:
                return None
            fresh = np.asarray(self.target.variables[name])
            array, how = surgery.overlap(array, fresh, classes.theirs, classes.ours)
            self._note(name, stored, how)
            return array
        if classes.head == "strict":
            self._problem(name, stored, shape)
            return None
        self.replaced.append(name)
        return None

    def _epsilon(self, name: str, array: np.ndarray, ours: float, stored: Stored) -> np.ndarray:
        theirs = source_epsilon(self.target.family, self.match.source, ours)
        if theirs == ours:
            return array
        try:
            moved = tensors.with_epsilon(array, theirs, ours)
        except ValueError as error:
            raise LoadError(f"{self.checkpoint.path}: {name}: {error}") from error
        self._note(name, stored, f"epsilon {theirs:g} -> {ours:g} folded in")
        return moved

    def _note(self, name: str, stored: Stored, how: str) -> None:
        layer, variable = name.rsplit("/", 1)
        shape = self.target.wanted[layer].variables[variable]
        self.adapted.append(Adaptation(name, stored.shape, shape, how))

    def _problem(self, name: str, stored: Stored, shape: tuple[int, ...]) -> None:
        self.problems.append(f"{name} is {stored.shape} in the file and {shape} here")

    @staticmethod
    def _size(shape: Sequence[int]) -> int:
        total = 1
        for side in shape:
            total *= side
        return total

    def report(self, arrays: dict[str, np.ndarray]) -> LoadReport:
        changed = {one.name for one in self.adapted}
        missing = tuple(n for n in self.match.missing if n not in self.headless)
        ignored = self._of_a_head()
        total = sum(self._size(one.shape) for one in self.target.variables.values())
        return LoadReport(
            str(self.checkpoint.path),
            self.match.source,
            self.checkpoint.contents.kind,
            self.checkpoint.sha256(),
            tuple(name for name in arrays if name not in changed),
            tuple(self.adapted),
            tuple(dict.fromkeys(self.replaced)),
            missing,
            tuple(key for key in self.match.unexpected if key not in ignored),
            ignored,
            sum(array.size for array in arrays.values()) / total if total else 0.0,
        )

    def _of_a_head(self) -> tuple[str, ...]:
        """Returns the file's tensors that the whole network has and this model has not."""
        unexpected = set(self.match.unexpected)
        whole = find_source(
            self.checkpoint.tensors, self.target.full, self.target.family, self.match.source
        )
        known = set() if whole is None else {*whole.keys.values(), *whole.biases.values()}
        # Auxiliary classifiers help training; files of networks that have them bring them along.
        heads = {key for key in unexpected if key.lower().startswith("aux")}
        return tuple(key for key in self.match.unexpected if key in known | heads)


def _digests(checkpoint: Checkpoint) -> dict[str, str]:
    """Returns the SHA-256 of each tensor, where the file is one of ours."""
    try:
        found = json.loads(checkpoint.metadata.get("digests", "{}"))
    except (ValueError, RecursionError) as error:
        raise DamagedFileError(f"{checkpoint.path}: its list of digests is damaged") from error
    return found if isinstance(found, dict) else {}


def _head_layers(target: Target) -> set[str]:
    names = set(CLASSIFIERS)
    layers = [layer.name for layer in target.model.layers]
    if "features" in layers:
        names |= set(layers[layers.index("features") + 1 :])
    return names


def source_epsilon(family: str | None, source: str, ours: float) -> float:
    """Returns the epsilon of the source's batch norms; ours where the source's is the same."""
    if family is None or source == OURS:
        return ours
    module = importlib.import_module(f"kerascnn.weights.layouts.{family}")
    return float(getattr(module, "EPSILONS", {}).get(source, ours))
