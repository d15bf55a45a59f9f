"""Run directories: what a training run leaves behind, and reading it again."""

from __future__ import annotations

import contextlib
import csv
import functools
import importlib
import json
import math
import os
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascnn.errors import DamagedFileError, OutputError, UnsafeFileError, UsageError
from kerascnn.fileio.atomic import refuse_occupied
from kerascnn.fileio.json import write_json

if TYPE_CHECKING:
    import keras

    from kerascnn.imaging.preprocessing import Preprocessing

CONFIG = "config.json"
HISTORY = "history.csv"
MODELS = {"best": "best.keras", "last": "last.keras"}
CURVES = "curves.png"
EVENTS = "tensorboard"
METRICS = "metrics.json"
CHECKPOINTS = "checkpoints"
RESULT = "result.json"
DIVERGED = "diverged.json"
REPORT = "report.html"


def score(metrics: Mapping[str, float]) -> tuple[float, float]:
    """Returns what makes an epoch the best: validation accuracy, then the lower loss.

    A metric that is missing or not finite ranks below every number, so NaN is never best.
    """
    accuracy, loss = metrics.get("val_accuracy", math.nan), metrics.get("val_loss", math.nan)
    if not (math.isfinite(accuracy) and math.isfinite(loss)):
        return (-math.inf, -math.inf)
    return (accuracy, -loss)


@dataclass(frozen=True)
class Run:
    """A run directory; all but `best_model` is read at every access, so that a run can be watched.

    Args:
        path: the directory that `train` wrote.
    """

    path: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", Path(self.path))

    @property
    def config(self) -> dict[str, Any]:
        """The resolved configuration: versions, seed, model, data, preprocessing, recipe …"""
        path = self.path / CONFIG
        try:
            config = json.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            raise UsageError(
                f"{self.path} is no run directory: it has no {CONFIG}; "
                "give the directory that `train` wrote"
            ) from None
        except ValueError as error:
            raise DamagedFileError(f"{path} is not JSON: {error}; train again") from error
        if not isinstance(config, dict) or not {"model", "data", "preprocessing"} <= set(config):
            raise DamagedFileError(f"{path} is not a configuration of `train`; train again")
        return config

    @property
    def history(self) -> dict[str, list[float]]:
        """One list a column of history.csv, one entry an epoch; empty before the first one ends."""
        path = self.path / HISTORY
        if not path.exists():
            return {}
        with path.open(newline="", encoding="utf-8") as stream:
            columns, *rows = list(csv.reader(stream)) or [[]]
        try:
            values = [[float(cell) for cell in row] for row in rows]
            lists = zip(*values, strict=True) if values else ([] for _ in columns)
            history = {name: list(column) for name, column in zip(columns, lists, strict=True)}
        except ValueError as error:
            raise DamagedFileError(f"{path} is not a table of numbers: {error}") from error
        if "epoch" in history:
            history["epoch"] = [int(epoch) for epoch in history["epoch"]]
        return history

    @property
    def best(self) -> dict[str, Any]:
        """`epoch` and `metrics` of the epoch with the highest `score`; {} before the first ends."""
        history = self.history
        rows = [dict(zip(history, row, strict=True)) for row in zip(*history.values(), strict=True)]
        if not rows:
            return {}
        best = max(rows, key=score)
        return {"epoch": best["epoch"], "metrics": {k: v for k, v in best.items() if k != "epoch"}}

    @property
    def result(self) -> dict[str, Any]:
        """When the run finished, its steps and its weights' digest; {} until it has finished."""
        try:
            return json.loads((self.path / RESULT).read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise DamagedFileError(f"{self.path / RESULT} is not JSON: {error}") from error

    @property
    def class_names(self) -> tuple[str, ...]:
        return tuple(self.config["data"]["class_names"])

    @property
    def preprocessing(self) -> Preprocessing:
        from kerascnn.imaging.preprocessing import Preprocessing

        return Preprocessing.from_json(self.config["preprocessing"])

    @functools.cached_property
    def best_model(self) -> keras.Model:
        """The best model, loaded at the first access and kept."""
        return self.load("best")

    def load(self, which: str = "best") -> keras.Model:
        """Reads a saved model.

        Args:
            which: "best" or "last".

        Returns:
            The compiled `keras.Model`, with its optimizer's state.

        Raises:
            UsageError: `which` is neither, or the run ended before it was saved.
            DamagedFileError: the file is truncated or corrupt.
            UnsafeFileError: the file holds Python code.
        """
        if which not in MODELS:
            raise UsageError(f"which={which!r}; a run has {' and '.join(map(repr, MODELS))}")
        path = self.path / MODELS[which]
        if not path.is_file():
            saved = [name for name in MODELS.values() if (self.path / name).is_file()]
            raise UsageError(
                f"{self.path} has no {path.name}; it has {', '.join(saved) or 'no saved model'}"
            )
        return read_model(path)


def read_model(path: Path) -> keras.Model:
    """Reads a .keras file in safe mode, its checksums first.

    A Lambda is refused before Keras sees the file: safe mode lets one name any function of Keras
    itself, and some of those open other files (keras-team/keras#23654).

    Raises:
        DamagedFileError: the file is truncated or corrupt.
        UnsafeFileError: the file holds Python code.
    """
    import keras

    from kerascnn.weights.formats.keras_config import refuse_code

    with contextlib.suppress(ImportError):  # nothing to register in a checkout without families
        importlib.import_module("kerascnn.layers")
    importlib.import_module("kerascnn.recipes.optimizers")  # registers those that are our own
    try:
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()
            config = b"{}" if broken else archive.read("config.json")
    except (zipfile.BadZipFile, OSError, EOFError, KeyError) as error:
        raise DamagedFileError(f"{path} is no complete .keras file: {error}") from error
    if broken is not None:
        raise DamagedFileError(f"{path} is corrupt: the checksum of {broken} does not match")
    try:
        refuse_code(config, "config.json")
    except UnsafeFileError as error:
        raise UnsafeFileError(f"{path}: {error}") from None
    try:
        return keras.saving.load_model(path, safe_mode=True)
    except Exception as error:  # Keras raises whatever the damaged part makes it raise
        if "unsafe" in str(error):
            raise UnsafeFileError(
                f"{path} holds a layer made of Python code; it was refused"
            ) from error
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise DamagedFileError(f"{path} cannot be read: {lines[0][:200]}") from error


def load_run(path: str | os.PathLike[str]) -> Run:
    """Opens a run directory.

    Args:
        path: the directory that `train` wrote.

    Raises:
        UsageError: there is no such directory, or no run in it.
        DamagedFileError: its configuration cannot be read.
    """
    run = Run(Path(path))
    if not run.path.is_dir():
        raise UsageError(f"there is no run directory {run.path}; give the one that `train` wrote")
    _ = run.config  # read for its errors
    return run


def write_metrics(run: Run, data_name: str, metrics: Mapping[str, float]) -> None:
    """Keeps the figures of the best model in metrics.json, where the directory can be written."""
    if os.access(run.path, os.W_OK):
        record = {"model": MODELS["best"], "data": data_name, "metrics": dict(metrics)}
        write_json(run.path / METRICS, record)


def as_run(source: Any) -> Run | None:
    """Returns the run that `source` is or names; None for anything but a Run or a path."""
    if isinstance(source, Run):
        return source
    if isinstance(source, (str, os.PathLike)):
        return load_run(source)
    return None


def choose_directory(
    run_dir: str | os.PathLike[str] | None, model_name: str, *, overwrite: bool
) -> Path:
    """Returns the directory for a new run after seeing that it can be written; nothing is made.

    Args:
        run_dir: the wish; None for runs/<model>-<time>.
        model_name: for the name made from the time.
        overwrite: accept a directory that holds an earlier run.

    Raises:
        OutputError: it is a file, not empty, or not writable.
    """
    if run_dir is None:
        stem = Path("runs") / f"{model_name}-{datetime.now():%Y%m%d-%H%M%S}"
        directory, count = stem, 1
        while directory.exists():
            count += 1
            directory = stem.with_name(f"{stem.name}-{count}")
    else:
        directory = Path(run_dir)
        refuse_occupied(directory, overwrite=overwrite)
    existing = next(path for path in (directory, *directory.absolute().parents) if path.exists())
    try:
        # Trying is the only reliable question: rights, read-only mounts and full disks differ.
        with tempfile.TemporaryFile(dir=existing) as probe:
            probe.write(b"0")
    except OSError as error:
        raise OutputError(
            f"cannot write the run directory {directory}: {error.strerror}; choose another place"
        ) from error
    return directory


def start_directory(directory: Path, config: Mapping[str, Any]) -> Run:
    """Makes the directory, clears an earlier run out of it and writes the configuration.

    Only what a run writes is removed; other files in the directory stay.
    """
    # The result first: a run without one is not taken for a finished one.
    for name in (RESULT, HISTORY, *MODELS.values(), CURVES, METRICS, DIVERGED, REPORT, CONFIG):
        (directory / name).unlink(missing_ok=True)
    for name in (CHECKPOINTS, EVENTS):
        shutil.rmtree(directory / name, ignore_errors=True)
    run = Run(directory)
    write_config(run, config)
    return run


def write_config(run: Run, config: Mapping[str, Any]) -> None:
    """Writes config.json."""
    write_json(run.path / CONFIG, config)


def kept_files(directory: Path) -> str:
    """Returns a clause that names the models on the disk, for messages."""
    names = [name for name in MODELS.values() if (directory / name).is_file()]
    return f"kept: {' and '.join(names)} in {directory}" if names else "no model was saved yet"
