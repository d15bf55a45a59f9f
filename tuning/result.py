"""The result of a search: its trials, the best of them, the Pareto front, and how to use them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascnn.errors import KerasCNNError
from kerascnn.fileio.json import read_json
from kerascnn.tuning.search_files import outcome_paths, trial_checkpoint
from kerascnn.tuning.trial import Trial, pareto

if TYPE_CHECKING:
    import keras

    from kerascnn.runs.run import Run
    from kerascnn.tuning.space import SearchSpace
    from kerascnn.tuning.trial_runner import TrialSettings


@dataclass(frozen=True)
class SearchResult:
    """The result of a search.

    Args:
        trials: completed and failed trials, in the order of their ids.
        directory: the search's directory.
        space: the search space.
        settings: data and training settings that all trials share.
    """

    trials: tuple[Trial, ...]
    directory: Path
    space: SearchSpace
    settings: TrialSettings

    @property
    def completed(self) -> list[Trial]:
        """The trials that did not fail."""
        return [trial for trial in self.trials if trial.score is not None]

    @property
    def best(self) -> Trial:
        """The completed trial with the highest score; of equal ones, with the lowest loss."""
        return max(self.completed, key=lambda trial: (trial.score, -trial.metrics["val_loss"]))

    def pareto(self, cost: str = "macs") -> list[Trial]:
        """Returns the Pareto front of accuracy against one of `COSTS`, by rising cost."""
        return pareto(self.trials, cost)

    def best_model(self) -> keras.Model:
        """Returns the best trial's model with the weights of its best epoch, in float32.

        The model has the preprocessing of the trial, which `evaluate`, `predict` and `export` use.
        """
        from kerascnn.models.adopted import adopt
        from kerascnn.models.signature import preprocessing_for
        from kerascnn.training.input import standardized

        data = self.settings.data
        model = self.space.network_of(self.best.values)
        model.load_weights(self.directory / trial_checkpoint(self.best.trial))
        seen = standardized(preprocessing_for(model, data.image_shape), data.train)
        adopt(model, seen, data.class_names)
        return model

    def retrain(
        self, data: Any, *, epochs: int | None = None, overwrite: bool = False, verbose: bool = True
    ) -> Run:
        """Trains the best candidate from new weights on all training images.

        Args:
            data: the data that `search` got; its test images evaluate the model.
            epochs: passes over the training images; None for those of the search.
            overwrite: replace an earlier run in the search's directory.
            verbose: show progress.

        Returns:
            The run, in `best/` of the search's directory.
        """
        from kerascnn.training.train import train

        setup, best = self.settings.setup, self.best
        setup = replace(setup, policy=best.precision, seed=best.seed)
        return train(
            setup.build(lambda: self.space.network_of(best.values)),
            data,
            recipe=self.space.recipe(best.values, setup.recipe),
            epochs=epochs or setup.recipe.epochs,
            strategy=setup.strategy,
            run_dir=self.directory / "best",
            overwrite=overwrite,
            seed=best.seed,
            verbose=verbose,
        )


def read_trials(directory: Path, latencies: Any = None) -> tuple[Trial, ...]:
    """Returns the trials that have ended in a search's directory.

    Args:
        directory: the search's directory.
        latencies: latencies(values) returns the seconds for one image; None if not measured.

    Raises:
        KerasCNNError: no trial completed; the message has the reason of the first failure.
    """
    outcomes = [read_json(path) for path in outcome_paths(directory)]
    trials = [Trial.of(outcome) for outcome in outcomes if outcome is not None]
    if latencies is not None:
        trials = [
            trial
            if trial.score is None
            else replace(trial, latency=_finite(latencies(trial.values)))
            for trial in trials
        ]
    if not any(trial.score is not None for trial in trials):
        first = trials[0].reason if trials else "none was started"
        raise KerasCNNError(f"none of {len(trials)} trials completed; the first: {first[:250]}")
    return tuple(trials)


def _finite(seconds: float) -> float | None:
    return seconds if math.isfinite(seconds) else None
