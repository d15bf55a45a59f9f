"""Checkpoints: all that a training run is at one step, in a directory that is whole or absent.

    RUN/checkpoints/epoch-00003-step-00000120/
        arrays.safetensors  weights, optimizer (with averages and loss scale), seeds, metrics
        state.json          what the callbacks remember
        best.keras          the best model so far, another name of the run's own file
        commit.json         sizes and SHA-256, written last

The directory is filled under another name and moved into place in one step. The functions here know
nothing of who calls them: a writer takes arrays and JSON, and a model takes arrays back.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from kerascnn.errors import DamagedFileError, KerasCNNError, MismatchError, OutputError
from kerascnn.fileio.atomic import atomic_directory, sha256_file
from kerascnn.lazy import keras, np
from kerascnn.version import __version__
from kerascnn.weights.formats.checkpoint import open_checkpoint
from kerascnn.weights.save import write_safetensors

if TYPE_CHECKING:
    import keras
    import numpy as np

ARRAYS, STATE, RECORD = "arrays.safetensors", "state.json", "commit.json"
BEST_COPY = "best.keras"
RECORD_LIMIT = 1 << 16
METRICS = "metrics"
_NAME = re.compile(r"epoch-(\d{5,9})-step-(\d{8,12})")


class Position(NamedTuple):
    """A place in a run, ordered as the run goes.

    Args:
        epoch: the one that is not finished, counted from 0.
        step: how many of its steps are done.
    """

    epoch: int
    step: int

    @property
    def folder_name(self) -> str:
        return f"epoch-{self.epoch:05}-step-{self.step:08}"

    def __str__(self) -> str:
        if not self.step:
            return f"the end of epoch {self.epoch}" if self.epoch else "the beginning"
        return f"step {self.step} of epoch {self.epoch + 1}"


@dataclass(frozen=True)
class StoredCheckpoint:
    """A checkpoint that was read and found whole.

    Args:
        directory: where it lies.
        position: where the run stood.
        arrays: by the names that `capture` gives.
        state: what was written beside them.
    """

    directory: Path
    position: Position
    arrays: dict[str, np.ndarray]
    state: dict[str, Any]


def capture(model: keras.Model) -> dict[str, np.ndarray]:
    """Returns copies of all variables: weights, seed generators, optimizer, metrics.

    The optimizer's include averaged weights, accumulated gradients and the loss scale.
    """
    return {
        name: np.array(keras.ops.convert_to_numpy(variable))
        for name, variable in _variables(model).items()
    }


def restore(model: keras.Model, arrays: Mapping[str, np.ndarray]) -> None:
    """Assigns what `capture` returned, metrics aside, all or nothing.

    The optimizer must be built.

    Raises:
        MismatchError: the model has other variables.
    """
    _assign(_variables(model, with_metrics=False), arrays)


def restore_metrics(model: keras.Model, arrays: Mapping[str, np.ndarray]) -> None:
    """Assigns the metrics alone, which Keras clears before each epoch; they must be built.

    Raises:
        MismatchError: the model has other metrics.
    """
    variables = _variables(model).items()
    _assign({name: metric for name, metric in variables if name.startswith(METRICS)}, arrays)


def _assign(variables: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    kinds = {name.split("/")[0] for name in variables}
    by_place = {_place(name): name for name in variables}
    stored = {_place(name): array for name, array in arrays.items() if name.split("/")[0] in kinds}
    wrong = [by_place.get(place, place) for place in sorted(by_place.keys() ^ stored.keys())]
    for place in by_place.keys() & stored.keys():
        variable, array = variables[by_place[place]], stored[place]
        dtype = keras.backend.standardize_dtype(variable.dtype)
        if (tuple(variable.shape), dtype) != (array.shape, array.dtype.name):
            wrong.append(by_place[place])
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise MismatchError(
            "the checkpoint is of another network or optimizer: "
            f"{', '.join(sorted(wrong)[:3])}{more} differ; train with the run's own configuration"
        )
    for place, array in stored.items():
        variables[by_place[place]].assign(array)


def _place(name: str) -> str:
    # Keras numbers the names of unnamed layers through the whole process; they tell nothing.
    return "/".join(name.split("/")[:2])


def not_finite(arrays: Mapping[str, np.ndarray]) -> str | None:
    """Returns the name of the first array with NaN or infinity, metrics aside; or None."""
    for name, array in arrays.items():
        # The kind of bfloat16 is "V": NumPy knows it as bytes.
        floating = array.dtype.kind == "f" or array.dtype.name == "bfloat16"
        if floating and not name.startswith(METRICS) and not np.isfinite(array).all():
            return name
    return None


def weights_digest(model: keras.Model) -> str:
    """Returns a SHA-256 of the values of all weights, in their order, whatever their names."""
    digest = hashlib.sha256()
    for variable in model.weights:
        array = np.ascontiguousarray(keras.ops.convert_to_numpy(variable))
        digest.update(f"{array.dtype.name}{array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _variables(model: keras.Model, *, with_metrics: bool = True) -> dict[str, Any]:
    """Returns all variables by kind, place and path; the place makes the names unique."""
    kinds = {"model": model.variables, "optimizer": model.optimizer.variables}
    if with_metrics:
        kinds[METRICS] = [variable for metric in model.metrics for variable in metric.variables]
    return {
        f"{kind}/{place:04}/{variable.path}": variable
        for kind, variables in kinds.items()
        for place, variable in enumerate(variables)
    }


def write(
    folder: Path,
    position: Position,
    arrays: Mapping[str, np.ndarray],
    state: Mapping[str, Any],
    best: Path | None = None,
) -> Path:
    """Writes a checkpoint into `folder` and returns its directory.

    Args:
        folder: of the run's checkpoints.
        position: where the run stands.
        arrays: of `capture`.
        state: JSON.
        best: the best model so far, a file that is never changed in place: it is linked.

    Raises:
        OutputError: there is no room, or it cannot be written; what was there before is untouched.
    """
    target = folder / position.folder_name
    needed = sum(array.nbytes for array in arrays.values()) + (1 << 16)
    free = shutil.disk_usage(_existing(folder)).free
    if free < needed:
        raise OutputError(
            f"cannot write {target}: {needed:,} bytes are needed and {free:,} are free; the "
            "checkpoint before it is whole; make room and go on with the same command"
        )
    with atomic_directory(target, overwrite=True) as temporary:
        write_safetensors(arrays, temporary / ARRAYS, {})
        if best is not None:
            _link(best, temporary / BEST_COPY)
        (temporary / STATE).write_text(json.dumps(state), "utf-8")
        record = {
            "kerascnn": __version__,
            "position": list(position),
            "files": {
                name: {
                    "bytes": (temporary / name).stat().st_size,
                    "sha256": sha256_file(temporary / name),
                }
                for name in (ARRAYS, STATE)
            },
        }
        (temporary / RECORD).write_text(json.dumps(record, indent=2) + "\n", "utf-8")
    return target


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without links
        shutil.copyfile(source, target)


def _existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.absolute().parents) if folder.exists())


def read(directory: Path) -> StoredCheckpoint:
    """Reads a checkpoint after checking every byte of it against its record.

    Raises:
        DamagedFileError: a file is missing, or is not the one that was written.
    """
    position = _position(directory)
    try:
        record = json.loads(_text(directory / RECORD, RECORD_LIMIT))
        for name in (ARRAYS, STATE):
            size = (directory / name).stat().st_size
            if size != record["files"][name]["bytes"]:
                raise DamagedFileError(
                    f"{directory / name} has {size:,} bytes, not {record['files'][name]['bytes']:,}"
                )
            if sha256_file(directory / name) != record["files"][name]["sha256"]:
                raise DamagedFileError(f"{directory / name} does not have the SHA-256 it was given")
        if position is None or list(position) != record["position"]:
            raise DamagedFileError(f"{directory} is not the place that its record tells")
        state = json.loads((directory / STATE).read_text("utf-8"))
        with open_checkpoint(directory / ARRAYS) as file:
            tensors = file.tensors.items()
            arrays = {name: _typed(file.raw(name), tensor.dtype) for name, tensor in tensors}
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        if isinstance(error, KerasCNNError):
            raise
        raise DamagedFileError(
            f"{directory} is damaged: {type(error).__name__}: {error}"
        ) from error
    return StoredCheckpoint(directory, position, arrays, state)


def _text(path: Path, limit: int) -> str:
    with path.open("rb") as stream:
        return stream.read(limit).decode("utf-8")


def _typed(raw: np.ndarray, dtype: str) -> np.ndarray:
    if dtype != "bfloat16":
        return raw
    import ml_dtypes  # TensorFlow's and Keras's own bfloat16

    return raw.view(ml_dtypes.bfloat16)


def newest(folder: Path) -> tuple[StoredCheckpoint | None, list[str]]:
    """Returns the last whole checkpoint, and what is wrong with each one after it.

    Names tell which one is the last; clocks do not. Nothing is removed.
    """
    complaints: list[str] = []
    for position in reversed(positions(folder)):
        try:
            return read(folder / position.folder_name), complaints
        except KerasCNNError as error:
            complaints.append(str(error))
    return None, complaints


def positions(folder: Path) -> list[Position]:
    """Returns where the checkpoints of a folder stand, whole or not, in the run's order."""
    if not folder.is_dir():
        return []
    stands = map(_position, folder.iterdir())
    return sorted(position for position in stands if position is not None)


def _position(directory: Path) -> Position | None:
    match = _NAME.fullmatch(directory.name)
    return Position(int(match[1]), int(match[2])) if match and directory.is_dir() else None


def prune(folder: Path, keep: Iterable[Position]) -> None:
    """Removes all checkpoints but some; called when a newer one is whole."""
    for position in set(positions(folder)) - set(keep):
        shutil.rmtree(folder / position.folder_name, ignore_errors=True)


def remove_unfinished(folder: Path) -> None:
    """Removes what a writer that died left behind; only for who holds the run's lock."""
    if folder.is_dir():
        for path in folder.glob(".epoch-*"):
            shutil.rmtree(path, ignore_errors=True)


def remove_all(folder: Path) -> None:
    """Removes the folder with all its checkpoints."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder)
