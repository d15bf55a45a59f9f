"""Resuming a run: whether a directory can be resumed, where, and which settings must not change."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kerascnn.errors import DamagedFileError, OutputError, UsageError
from kerascnn.fileio.atomic import atomic_file, refuse_occupied, sha256_file
from kerascnn.fileio.locks import LOCK, locked
from kerascnn.runs.run import (
    CHECKPOINTS,
    CONFIG,
    HISTORY,
    MODELS,
    RESULT,
    Run,
    start_directory,
    write_config,
)
from kerascnn.training.checkpoints import (
    BEST_COPY,
    Position,
    StoredCheckpoint,
    newest,
    remove_unfinished,
)

RESUME = ("auto", "never", "must", "force")
FIXED_SETTINGS = (
    "kerascnn", "keras", "tensorflow", "backend", "seed", "model", "data", "preprocessing",
    "recipe", "epochs", "precision",
)  # fmt: skip
"""Settings that must not change in a run; threads and devices may change."""
LABELS = ("data.name", "recipe.name", "recipe.about")
"""Settings without influence: paths of the same images, names of the same recipe."""


@dataclass
class Start:
    """Where a run starts.

    Args:
        run: the run directory.
        checkpoint: the checkpoint to resume from; None at the beginning.
        finished: the run is complete.
        notes: messages for the user before the training.
    """

    run: Run
    checkpoint: StoredCheckpoint | None = None
    finished: bool = False
    notes: list[str] = field(default_factory=list)

    @property
    def position(self) -> Position:
        """The position to start from."""
        return self.checkpoint.position if self.checkpoint else Position(0, 0)

    @property
    def state(self) -> dict[str, Any]:
        """The saved states of the callbacks; {} at the beginning."""
        return self.checkpoint.state if self.checkpoint else {}


def recorded_config(
    run_dir: str | os.PathLike[str] | None, *, resume: str, overwrite: bool
) -> dict[str, Any] | None:
    """Returns the configuration of the run to resume; None if a new run is to start.

    Args:
        run_dir: the directory that the user gave; None for a new one.
        resume, overwrite: as in `opened_run`.

    Raises:
        UsageError: `resume` is unknown, or there is no run to resume.
        OutputError: the directory has other files.
        DamagedFileError: config.json cannot be read.
    """
    if resume not in RESUME:
        raise UsageError(f"resume={resume!r}; it must be one of {', '.join(RESUME)}")
    directory = None if run_dir is None else Path(run_dir)
    is_run = directory is not None and (directory / CONFIG).is_file()
    if resume in ("must", "force") and (overwrite or not is_run):
        raise UsageError(
            f"resume={resume!r}, but {directory} has no run to resume; omit resume"
            if not overwrite
            else f"resume={resume!r} and overwrite exclude each other; omit one of them"
        )
    if directory is None or overwrite:
        return None
    if resume != "never" and is_run:
        return Run(directory).config
    refuse_occupied(directory, besides=LOCK)
    return None


def resuming_command(
    directory: Path, run_dir: str | os.PathLike[str] | None, *, resume: str, overwrite: bool
) -> str:
    """Returns which command resumes a run that is stopped, such as "the same command".

    Args:
        directory: of the run.
        run_dir: the directory that the user gave; None for a new one.
        resume, overwrite: as in `opened_run`.
    """
    changes = [f"with --run-dir {directory}"] if run_dir is None else []
    changes += ["without --overwrite"] if overwrite else []
    changes += ["without --resume never"] if resume == "never" else []
    return " ".join(["the same command", " and ".join(changes)]).strip()


@contextmanager
def opened_run(
    directory: Path, config: Mapping[str, Any], *, resume: str, overwrite: bool
) -> Iterator[Start]:
    """Locks the directory for this process, and yields where the run starts.

    Args:
        directory: directory of a new run, or of an interrupted one.
        config: configuration of the requested run.
        resume: "auto" resumes a run if there is one; "must" refuses to start a new run; "never"
            refuses to resume; "force" resumes in spite of a changed configuration.
        overwrite: start a new run, and replace the run in the directory.

    Raises:
        UsageError: another process uses the directory, or the configuration differs.
        DamagedFileError: there are checkpoints, and all of them are damaged.
        OutputError: the directory cannot be written, or has a run without checkpoints.
    """
    requested = json.loads(json.dumps(config))
    with locked(directory):
        recorded = recorded_config(directory, resume=resume, overwrite=overwrite)
        if recorded is None:
            yield Start(start_directory(directory, requested))
        else:
            remove_unfinished(directory / CHECKPOINTS)
            yield _continued(directory, recorded, requested, resume)


def _continued(
    directory: Path, recorded: dict[str, Any], requested: Mapping[str, Any], resume: str
) -> Start:
    """Returns the start of an existing run: its newest checkpoint, or that it is finished."""
    run = Run(directory)
    changes = refuse_changes(directory, recorded, requested, resume)
    if (directory / RESULT).is_file():
        return Start(run, finished=True)
    checkpoint, complaints = newest(directory / CHECKPOINTS)
    if checkpoint is None:
        if complaints:
            raise DamagedFileError(
                f"all {len(complaints)} checkpoints of {directory} are damaged: "
                f"{complaints[0][:200]}; --overwrite starts again"
            )
        if (directory / HISTORY).exists():
            raise OutputError(
                f"{directory} has a run without checkpoints, which cannot be resumed; choose "
                "another directory, or --overwrite"
            )
        return Start(start_directory(directory, requested))
    _put_back_best(run, checkpoint)
    resumed = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "position": list(checkpoint.position),
        "changed": changes,
    }
    if changes:
        recorded = {
            **recorded,
            **{name: requested[name] for name in FIXED_SETTINGS if name in requested},
        }
    write_config(run, {**recorded, "resumed": [*recorded.get("resumed", []), resumed]})
    notes = [f"skipped a checkpoint: {complaint}" for complaint in complaints]
    return Start(run, checkpoint, notes=[*notes, f"resuming from {checkpoint.position}"])


def refuse_changes(
    directory: Path, recorded: Mapping[str, Any], requested: Mapping[str, Any], resume: str
) -> list[str]:
    """Returns the `differences`; only resume="force" accepts any.

    Raises:
        UsageError: there are differences, and `resume` is not "force".
    """
    changes = differences(recorded, json.loads(json.dumps(requested)))
    if changes and resume != "force":
        raise UsageError(_refusal(directory, changes))
    return changes


def differences(recorded: Mapping[str, Any], requested: Mapping[str, Any]) -> list[str]:
    """Returns "name: old -> new" for all of `FIXED_SETTINGS` that differ; "." in nested names."""
    lines = []
    for name in FIXED_SETTINGS:
        lines += _differences(name, recorded.get(name), requested.get(name))
    return lines


def _differences(name: str, old: Any, new: Any) -> list[str]:
    if old == new or name in LABELS:
        return []
    if isinstance(old, dict) and isinstance(new, dict):
        keys = list(dict.fromkeys([*old, *new]))
        return [
            line
            for key in keys
            for line in _differences(f"{name}.{key}", old.get(key), new.get(key))
        ]
    return [f"{name}: {_short(old)} -> {_short(new)}"]


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:18]}…{text[-18:]}"


def _refusal(directory: Path, changes: list[str]) -> str:
    advice = "; use the run's own settings, another directory, --overwrite, or --resume force"
    text = f"{directory} has a run with another configuration: "
    shown: list[str] = []
    for change in changes:
        if len(text) + sum(len(line) + 2 for line in [*shown, change]) > 380 - len(advice):
            break
        shown.append(change)
    hidden = len(changes) - len(shown)
    return text + ", ".join(shown) + (f" and {hidden} more" if hidden else "") + advice


def _put_back_best(run: Run, checkpoint: StoredCheckpoint) -> None:
    """Restores best.keras as of the checkpoint, if a later epoch replaced it."""
    target, copy = run.path / MODELS["best"], checkpoint.directory / BEST_COPY
    digest = checkpoint.state.get("best")
    if digest is None:
        target.unlink(missing_ok=True)
    elif not target.is_file() or sha256_file(target) != digest:
        if not copy.is_file() or sha256_file(copy) != digest:
            raise DamagedFileError(
                f"neither {target} nor its copy {copy} is the recorded best model; restore the "
                "file, or start again with --overwrite"
            )
        with atomic_file(target) as temporary:
            shutil.copyfile(copy, temporary)
