"""Repeats a run from its directory alone, and compares the results."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascnn.create import create_model
from kerascnn.data.load import load_data
from kerascnn.errors import DataError, KerasCNNError, MismatchError, UsageError
from kerascnn.recipes.lookup import Recipe
from kerascnn.runs.run import RESULT, Run, load_run
from kerascnn.training.resume import differences
from kerascnn.training.strategy import resolve_strategy
from kerascnn.training.training_setup import TrainingSetup

if TYPE_CHECKING:
    import keras

COMPARED = ("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate")
CIRCUMSTANCES = ("kerascnn", "keras", "tensorflow", "python", "threads", "strategy", "device")
"""Settings that may change the last bits of a result."""
TOLERANCE = 0.01
"""Largest accepted difference of the best test accuracy where the last bits differ."""


@dataclass(frozen=True)
class Reproduction:
    """A run and its repetition, compared.

    Args:
        original, again: the recorded run, and its repetition.
        circumstances: "name: then -> now" for each change of versions, threads or device.
        different: "name of epoch N: then -> now" for the first difference of each figure.
        same_weights: whether the final weights are bitwise identical.
    """

    original: Run
    again: Run
    circumstances: list[str]
    different: list[str]
    same_weights: bool

    @property
    def exact(self) -> bool:
        """Whether all figures and the final weights are bitwise identical."""
        return self.same_weights and not self.different

    @property
    def holds(self) -> bool:
        """Whether the result is confirmed: exactly, or within `TOLERANCE` in other circumstances.

        On a CPU in the same circumstances only a bitwise identical result counts.
        """
        if self.exact:
            return True
        on_cpu = "GPU" not in (self.original.config.get("device"), self.again.config.get("device"))
        return not (on_cpu and not self.circumstances) and abs(self._gap) <= TOLERANCE

    @property
    def _gap(self) -> float:
        again, original = self.again.best["metrics"], self.original.best["metrics"]
        return again["val_accuracy"] - original["val_accuracy"]

    def __str__(self) -> str:
        then, now = (
            f"{run.best['metrics']['val_accuracy'] * 100:.2f} %"
            for run in (self.original, self.again)
        )
        if self.exact:
            epochs = len(self.again.history["epoch"])
            return (
                f"reproduced, bitwise identical: the weights and every figure of {epochs} epochs "
                f"are the same; best val_accuracy {now}"
            )
        different = ", ".join(self.different[:2]) or "the weights alone"
        figures = f"best val_accuracy {then} -> {now}; {different}"
        if self.holds:
            return f"reproduced within {TOLERANCE:.0%}: {figures}"
        changed = "; ".join(self.circumstances[:3]) or "versions, threads and device are the same"
        return f"not reproduced: {figures}; {changed}"


def reproduce(
    run: Run | str | os.PathLike[str],
    *,
    data: Any = None,
    model: keras.Model | None = None,
    run_dir: str | os.PathLike[str] | None = None,
    verbose: bool = True,
) -> Reproduction:
    """Trains a finished run's recorded configuration again, and compares figures and weights.

    Args:
        run: the run, or its directory.
        data: the data; None for the recorded source.
        model: the same untrained model, for a run of a model that is not one of `list_models()`.
            Other models are rebuilt from their recorded arguments, with weights of the recorded
            seed: a model that you built with `create_model` repeats exactly only if you had set
            the run's seed just before (`keras.utils.set_random_seed`).
        run_dir: directory of the new run; None for the old name with "-again", and a number if
            that is taken. A run that was interrupted there is resumed.
        verbose: show progress, and changes of versions, threads and device.

    Raises:
        UsageError: the run is not finished, or its network cannot be built from the record.
        DataError: the data cannot be loaded, or it has changed.
        MismatchError: model or data differ from the record.
    """
    from kerascnn.training.train import train

    original = load_run(run.path if isinstance(run, Run) else run)
    config = original.config
    if not original.result:
        raise UsageError(f"{original.path} is not finished; resume it first")
    if model is None and config["model"]["arguments"] is None:
        raise UsageError(
            f"{original.path} trained a model that is not in list_models(); give the same model, "
            "untrained, as model="
        )
    loaded = _data(config, data)
    circumstances = _circumstances(config)
    if verbose:
        for line in circumstances:
            print(f"changed since the run: {line}")
    setup = _setup(config, model)
    again = train(
        _rebuilt(config["model"], setup) if model is None else model,
        loaded,
        recipe=setup.recipe,
        precision=setup.policy,
        strategy=setup.strategy,
        batch_norm=setup.batch_norm,
        run_dir=run_dir or _free_directory(original),
        seed=setup.seed,
        verbose=verbose,
    )
    changed = [
        line
        for line in differences(config, again.config)
        if line.split(":")[0] not in CIRCUMSTANCES
    ]
    if changed:
        raise MismatchError(
            f"{again.path} differs from the recorded run: {', '.join(changed)}"[:400]
        )
    return Reproduction(
        original,
        again,
        circumstances,
        _different(original.history, again.history),
        original.result["weights_sha256"] == again.result["weights_sha256"],
    )


def _setup(config: dict[str, Any], model: keras.Model | None) -> TrainingSetup:
    """Returns the settings in a run's configuration."""
    strategy = {"none": "none", "MirroredStrategy": "mirrored"}.get(
        config["strategy"]["name"], "auto"
    )
    return TrainingSetup(
        Recipe.from_json(config["recipe"]),
        config["precision"],
        resolve_strategy(strategy, model),
        config["strategy"].get("batch_norm", "synchronized"),
        config["seed"],
    )


def _rebuilt(record: dict[str, Any], setup: TrainingSetup) -> keras.Model:
    """Returns the recorded network with fresh weights of the recorded seed."""
    arguments = {name: _tuples(value) for name, value in record["arguments"].items()}
    return setup.build(lambda: create_model(record["name"], **arguments))


def _tuples(value: Any) -> Any:
    """Returns a value with tuples, as `create_model` takes them, in place of JSON's lists."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def _free_directory(original: Run) -> Path:
    """Returns the first directory "<run>-again", "<run>-again-2", … without a finished run."""
    stem = original.path.with_name(f"{original.path.name}-again")
    directory, count = stem, 1
    while (directory / RESULT).exists():
        count += 1
        directory = stem.with_name(f"{stem.name}-{count}")
    return directory


def _data(config: dict[str, Any], source: Any) -> Any:
    """Loads the data of a run; raises DataError if its fingerprint differs from the record."""
    record = config["data"]
    try:
        loaded = load_data(record["name"] if source is None else source, seed=config["seed"])
    except KerasCNNError as error:
        raise DataError(
            f"the data {record['name']!r} of the run cannot be loaded: {error}; give it with --data"
        ) from error
    if loaded.fingerprint != record["fingerprint"]:
        raise DataError(
            f"{loaded.name} is not the data of the run: it has {len(loaded.train):,} training and "
            f"{len(loaded.test):,} test images, the run had {record['train']:,} and "
            f"{record['test']:,}; its fingerprint is {loaded.fingerprint[:12]}…, not "
            f"{record['fingerprint'][:12]}…"
        )
    return loaded


def _circumstances(config: dict[str, Any]) -> list[str]:
    """Returns "name: then -> now" for each change of versions, threads or device."""
    from kerascnn.training.run_config import circumstances

    now = circumstances()
    return [
        f"{name}: {config[name]} -> {now[name]}"
        for name in CIRCUMSTANCES
        if name in now and name in config and config[name] != now[name]
    ]


def _different(then: dict[str, list[float]], now: dict[str, list[float]]) -> list[str]:
    """Returns the first difference of each figure, and of the number of epochs."""
    differing = []
    for name in COMPARED:
        pairs = zip(then.get(name, []), now.get(name, []), strict=False)
        for epoch, (old, new) in enumerate(pairs, 1):
            if old != new:
                differing.append(f"{name} of epoch {epoch}: {old:.6g} -> {new:.6g}")
                break
    epochs = [len(history.get("epoch", [])) for history in (then, now)]
    if epochs[0] != epochs[1]:
        differing.append(f"epochs: {epochs[0]} -> {epochs[1]}")
    return differing
