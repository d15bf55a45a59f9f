"""Run directories: the files that a training run writes, and reading them."""

from __future__ import annotations

import csv
import functools
import json
import math
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascnn.errors import DamagedFileError, OutputError, UsageError
from kerascnn.fileio.atomic import refuse_occupied
from kerascnn.fileio.json import write_json
from kerascnn.weights.keras_model import read_keras_model

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
    """Returns the key that ranks epochs: validation accuracy, then lower validation loss.

    A metric that is missing or not finite ranks below every number, so NaN is never best.
    """
    accuracy, loss = metrics.get("val_accuracy", math.nan), metrics.get("val_loss", math.nan)
    if not (math.isfinite(accuracy) and math.isfinite(loss)):
        return (-math.inf, -math.inf)
    return (accuracy, -loss)


@dataclass(frozen=True)
class Run:
    """A run directory; all but `best_model` is read at every access, also during the training.

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
                f"{self.path} is not a run directory: it has no {CONFIG}; "
                "give the directory that `train` wrote"
            ) from None
        except ValueError as error:
            raise DamagedFileError(f"{path} is not JSON: {error}; train again") from error
        if not isinstance(config, dict) or not {"model", "data", "preprocessing"} <= set(config):
            raise UsageError(
                f"{path} is not a configuration that `train` wrote, so {self.path} is no run "
                "directory; give one, or the path of a file of weights in this folder"
            )
        return config

    @property
    def history(self) -> dict[str, list[float]]:
        """Column of history.csv -> one value for each epoch; empty before the first epoch ends."""
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
        """End time, number of steps and digest of the weights; {} until the run has finished."""
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
            UsageError: `which` is unknown, or the run ended before that model was saved.
            DamagedFileError: the file is truncated or corrupt.
            UnsafeFileError: the file names anything but layers, losses, metrics and optimizers of
                Keras and of this package.
        """
        if which not in MODELS:
            raise UsageError(f"which={which!r}; a run has {' and '.join(map(repr, MODELS))}")
        path = self.path / MODELS[which]
        if not path.is_file():
            saved = [name for name in MODELS.values() if (self.path / name).is_file()]
            raise UsageError(
                f"{self.path} has no {path.name}; it has {', '.join(saved) or 'no saved model'}"
            )
        return read_keras_model(path)


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
    """Writes the metrics of the best model to metrics.json, if the directory is writable."""
    if os.access(run.path, os.W_OK):
        record = {"model": MODELS["best"], "data": data_name, "metrics": dict(metrics)}
        write_json(run.path / METRICS, record)


def as_run(source: Any) -> Run | None:
    """Returns the run of `source`, a Run or a path; None for any other type."""
    if isinstance(source, Run):
        return source
    if isinstance(source, (str, os.PathLike)):
        return load_run(source)
    return None


def choose_directory(
    run_dir: str | os.PathLike[str] | None, model_name: str, *, overwrite: bool
) -> Path:
    """Returns the directory for a new run after checking that it is writable; creates nothing.

    Args:
        run_dir: the directory; None for runs/<model>-<time>.
        model_name: the first part of that name.
        overwrite: accept a directory with an earlier run.

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
        # Only a write shows permissions, read-only mounts and full disks reliably.
        with tempfile.TemporaryFile(dir=existing) as probe:
            probe.write(b"0")
    except OSError as error:
        raise OutputError(
            f"cannot write the run directory {directory}: {error.strerror}; choose another place"
        ) from error
    return directory


def start_directory(directory: Path, config: Mapping[str, Any]) -> Run:
    """Removes the files of an earlier run from the directory and writes the configuration.

    Other files in the directory are kept.
    """
    # The result is removed first: without it, the run does not count as finished.
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
    """Returns the names of the saved models, for error messages."""
    names = [name for name in MODELS.values() if (directory / name).is_file()]
    return f"kept: {' and '.join(names)} in {directory}" if names else "no model was saved yet"
