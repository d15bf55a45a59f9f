"""Checkpoints: the whole state of a training run at one step, in a directory written atomically.

    RUN/checkpoints/epoch-00003-step-00000120/
        arrays.safetensors  weights, optimizer (with averages and loss scale), seeds, metrics
        state.json          the states of the callbacks
        best.keras          the best model so far, a hard link to the run's own file
        commit.json         sizes and SHA-256 of the files, written last

The directory is written under a temporary name and then renamed. This module does not depend on
the training loop: it writes arrays and JSON, and assigns arrays to a model.
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
    """A position in a run; positions are ordered by time.

    Args:
        epoch: number of the unfinished epoch, from 0.
        step: number of finished steps in it.
    """

    epoch: int
    step: int

    @property
    def folder_name(self) -> str:
        """Name of the directory of this position's checkpoint."""
        return f"epoch-{self.epoch:05}-step-{self.step:08}"

    def __str__(self) -> str:
        if not self.step:
            return f"the end of epoch {self.epoch}" if self.epoch else "the beginning"
        return f"step {self.step} of epoch {self.epoch + 1}"


@dataclass(frozen=True)
class StoredCheckpoint:
    """A checkpoint that was read from the disk and verified.

    Args:
        directory: its directory.
        position: the position of the run.
        arrays: all values, by the names that `capture` gives.
        state: the content of state.json.
    """

    directory: Path
    position: Position
    arrays: dict[str, np.ndarray]
    state: dict[str, Any]


def capture(model: keras.Model) -> dict[str, np.ndarray]:
    """Returns copies of all variables: weights, seed generators, optimizer, metrics.

    The optimizer's variables include averaged weights, accumulated gradients and the loss scale.
    """
    return {
        name: np.array(keras.ops.convert_to_numpy(variable))
        for name, variable in _variables(model).items()
    }


def restore(model: keras.Model, arrays: Mapping[str, np.ndarray]) -> None:
    """Assigns the arrays of `capture` to a model, apart from metrics: all of them or none.

    The optimizer must be built.

    Raises:
        MismatchError: the model has other variables than the arrays.
    """
    _assign(_variables(model, with_metrics=False), arrays)


def restore_metrics(model: keras.Model, arrays: Mapping[str, np.ndarray]) -> None:
    """Assigns the arrays of the metrics only. The metrics must be built.

    Keras resets metrics before each epoch, so this is called after that.

    Raises:
        MismatchError: the model has other metrics than the arrays.
    """
    variables = _variables(model).items()
    _assign({name: metric for name, metric in variables if name.startswith(METRICS)}, arrays)


def _assign(variables: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Assigns the arrays of the same kinds as the variables, if all shapes and dtypes match."""
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
            "the checkpoint belongs to another network or optimizer: "
            f"{', '.join(sorted(wrong)[:3])}{more} differ; train with the run's own configuration"
        )
    for place, array in stored.items():
        variables[by_place[place]].assign(array)


def _place(name: str) -> str:
    # Keras numbers unnamed layers through the whole process, so names are not compared.
    return "/".join(name.split("/")[:2])


def not_finite(arrays: Mapping[str, np.ndarray]) -> str | None:
    """Returns the name of the first array, metrics excluded, with NaN or infinity; or None."""
    for name, array in arrays.items():
        # NumPy treats bfloat16 as bytes: its kind is "V".
        floating = array.dtype.kind == "f" or array.dtype.name == "bfloat16"
        if floating and not name.startswith(METRICS) and not np.isfinite(array).all():
            return name
    return None


def weights_digest(model: keras.Model) -> str:
    """Returns the SHA-256 of the values of all weights, in order; names do not count."""
    digest = hashlib.sha256()
    for variable in model.weights:
        array = np.ascontiguousarray(keras.ops.convert_to_numpy(variable))
        digest.update(f"{array.dtype.name}{array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _variables(model: keras.Model, *, with_metrics: bool = True) -> dict[str, Any]:
    """Returns all variables under unique names: kind, index and path."""
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
        folder: the run's folder of checkpoints.
        position: the position of the run.
        arrays: the values, from `capture`.
        state: the states of the callbacks, as JSON types.
        best: file of the best model so far; it is hard-linked, so it must not change in place.

    Raises:
        OutputError: the disk is full or cannot be written; existing files are unchanged.
    """
    target = folder / position.folder_name
    needed = sum(array.nbytes for array in arrays.values()) + (1 << 16)
    free = shutil.disk_usage(_existing(folder)).free
    if free < needed:
        raise OutputError(
            f"cannot write {target}: {needed:,} bytes are needed and {free:,} are free; free some "
            "space and resume the run from the checkpoint before, without --overwrite"
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
    except OSError:  # the file system has no hard links
        shutil.copyfile(source, target)


def _existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.absolute().parents) if folder.exists())


def read(directory: Path) -> StoredCheckpoint:
    """Reads a checkpoint and verifies every byte against its record.

    Raises:
        DamagedFileError: a file is missing or differs from its record.
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
                raise DamagedFileError(f"{directory / name} does not have the recorded SHA-256")
        if position is None or list(position) != record["position"]:
            raise DamagedFileError(f"{directory} does not match the position in its record")
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
    """Returns the newest undamaged checkpoint, and one message for each newer one that is damaged.

    The names determine which checkpoint is the newest. Nothing is removed.
    """
    complaints: list[str] = []
    for position in reversed(positions(folder)):
        try:
            return read(folder / position.folder_name), complaints
        except KerasCNNError as error:
            complaints.append(str(error))
    return None, complaints


def positions(folder: Path) -> list[Position]:
    """Returns the positions of all checkpoints of a folder, damaged ones included, in order."""
    if not folder.is_dir():
        return []
    stands = map(_position, folder.iterdir())
    return sorted(position for position in stands if position is not None)


def _position(directory: Path) -> Position | None:
    match = _NAME.fullmatch(directory.name)
    return Position(int(match[1]), int(match[2])) if match and directory.is_dir() else None


def prune(folder: Path, keep: Iterable[Position]) -> None:
    """Removes all checkpoints except those at the positions `keep`."""
    for position in set(positions(folder)) - set(keep):
        shutil.rmtree(folder / position.folder_name, ignore_errors=True)


def remove_unfinished(folder: Path) -> None:
    """Removes the partial directories of writers that died; the caller must hold the lock."""
    if folder.is_dir():
        for path in folder.glob(".epoch-*"):
            shutil.rmtree(path, ignore_errors=True)


def remove_all(folder: Path) -> None:
    """Removes the folder of checkpoints."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder)
