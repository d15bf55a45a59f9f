"""What a search found: its trials, the best of them, the Pareto front, and the files of it."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascnn.errors import KerasCNNError
from kerascnn.fileio.atomic import atomic_file
from kerascnn.fileio.json import read_json, write_compact_json
from kerascnn.tuning.trial import COLUMNS, Trial, pareto

if TYPE_CHECKING:
    import keras

    from kerascnn.runs.run import Run
    from kerascnn.tuning.space import SearchSpace
    from kerascnn.tuning.trial_runner import Work


@dataclass(frozen=True)
class SearchResult:
    """What a search found; `trials` are in the order of their ids.

    Args:
        trials: completed and failed ones.
        directory: the search's.
        space: what was searched.
        work: what the trials shared.
    """

    trials: tuple[Trial, ...]
    directory: Path
    space: SearchSpace
    work: Work

    @property
    def completed(self) -> list[Trial]:
        return [one for one in self.trials if one.score is not None]

    @property
    def best(self) -> Trial:
        """The completed trial of the highest score; of equals the lower loss."""
        return max(self.completed, key=lambda one: (one.score, -one.metrics["val_loss"]))

    def pareto(self, cost: str = "macs") -> list[Trial]:
        """Returns the Pareto front of accuracy against one of `COSTS`, by rising cost."""
        return pareto(self.trials, cost)

    def best_model(self) -> keras.Model:
        """Returns the best trial's model with the weights of its best epoch, in float32.

        `evaluate`, `predict` and `export` know from it how the trial saw its images.
        """
        from kerascnn.models.signature import adopt, preprocessing_for
        from kerascnn.training.input import standardized

        data = self.work.data
        model = self.space.network_of(self.best.values)
        path = self.directory / "trials" / f"trial_{self.best.trial}" / "checkpoint.weights.h5"
        model.load_weights(path)
        seen = standardized(preprocessing_for(model, data.image_shape), data.train)
        adopt(model, seen, data.class_names)
        return model

    def retrain(
        self, data: Any, *, epochs: int | None = None, overwrite: bool = False, verbose: bool = True
    ) -> Run:
        """Trains the best candidate from fresh weights on all training images.

        Args:
            data: as `search` was given; its test images judge the model.
            epochs: the search's when None.
            overwrite: replace an earlier run in the search's directory.
            verbose: show progress.

        Returns:
            The run in `best/` of the search's directory.
        """
        import keras

        from kerascnn.training.strategy import policy_scope
        from kerascnn.training.train import train

        keras.utils.set_random_seed(self.best.seed)
        with policy_scope(self.best.precision), self.work.strategy.scope():
            model = self.space.network_of(self.best.values)
        return train(
            model,
            data,
            recipe=self.space.recipe(self.best.values, self.work.recipe),
            epochs=epochs or self.work.epochs,
            strategy=self.work.strategy,
            run_dir=self.directory / "best",
            overwrite=overwrite,
            seed=self.best.seed,
            verbose=verbose,
        )


def read_trials(directory: Path, latencies: Any = None) -> tuple[Trial, ...]:
    """Returns the trials that have ended in a search's directory.

    Raises:
        KerasCNNError: none completed; the message has the first one's reason.
    """
    outcomes = [
        read_json(path) for path in sorted((directory / "trials").glob("trial_*/outcome.json"))
    ]
    trials = [Trial.of(outcome) for outcome in outcomes if outcome is not None]
    if latencies is not None:
        trials = [
            one if one.score is None else replace(one, latency=_finite(latencies(one.values)))
            for one in trials
        ]
    if not any(one.score is not None for one in trials):
        first = trials[0].reason if trials else "none was started"
        raise KerasCNNError(f"none of {len(trials)} trials completed; the first: {first[:250]}")
    return tuple(trials)


def _finite(seconds: float) -> float | None:
    return seconds if math.isfinite(seconds) else None


def write_table(trials: Iterable[Trial], path: Path) -> None:
    """Writes one row a trial: what came of it, then the values of its axes."""
    trials = list(trials)
    axes = list(dict.fromkeys(name for one in trials for name in one.values))
    with (
        atomic_file(path) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as stream,
    ):
        table = csv.writer(stream)
        table.writerow([*COLUMNS, *axes])
        for one in trials:
            status = "FAILED" if one.score is None else "COMPLETED"
            cells = {"status": status, "val_accuracy": one.score, "val_loss": None}
            cells["val_loss"] = one.metrics.get("val_loss")
            row = [cells[name] if name in cells else getattr(one, name) for name in COLUMNS]
            table.writerow([*row, *(one.values.get(name) for name in axes)])


def set_state(directory: Path, config: dict[str, Any], state: str) -> None:
    """Writes search.json: what is searched, and whether it is "running" or "finished"."""
    write_compact_json(directory / "search.json", {**config, "state": state})
