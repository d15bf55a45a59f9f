"""Progress of a search: bars on a terminal, one line for each trial elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from kerascnn.training.progress import ConsoleBars, bars, clock


class SearchProgress(ConsoleBars):
    """Shows the running trial and the results of earlier ones.

    Args:
        trials: number of trials of the search; None if it is unknown.
        console: where to print; None for standard output.
    """

    def __init__(self, trials: int | None, console: Console | None = None) -> None:
        self.trials = trials
        self.console = console or Console(highlight=False)
        self.best = float("-inf")
        self.done = 0
        self.bars = None
        if self.console.is_terminal:
            self.bars = bars(self.console)
            self.whole = self.bars.add_task("trials", total=trials, figures="")
            self.part = self.bars.add_task("", total=1, figures="")
            self.bars.start()

    def trial_started(self, trial_id: str, values: Mapping[str, Any]) -> None:
        """Shows that a trial starts."""
        if self.bars is not None:
            self.bars.update(self.part, completed=0, description=f"trial {trial_id}", figures="")

    def epoch(self, trial_id: str, epoch: int, epochs: int, logs: Mapping[str, float]) -> None:
        """Shows the result of an epoch."""
        if self.bars is not None:
            figures = f"epoch {epoch}/{epochs}  val_accuracy {logs['val_accuracy']:.2%}"
            self.bars.update(self.part, completed=epoch, total=epochs, figures=figures)

    def trial_ended(self, trial_id: str, outcome: Mapping[str, Any]) -> None:
        """Prints the result of a trial."""
        self.done += 1
        candidate = candidate_text(outcome["values"])
        if outcome["status"] == "COMPLETED":
            score = outcome["metrics"]["val_accuracy"]
            self.best = max(self.best, score)
            early = f", stopped after {outcome['epochs']} epochs" if outcome["stopped"] else ""
            text = (
                f"val_accuracy {score:.2%}  {outcome['params']:,} parameters  "
                f"{clock(outcome['seconds'])}{early}  (best {self.best:.2%})"
            )
        else:
            text = f"failed: {outcome['reason']}"
        self.say(f"trial {trial_id}  {candidate}  {text}")
        if self.bars is not None:
            self.bars.update(self.whole, completed=self.done, total=self.trials)


def candidate_text(values: Mapping[str, Any]) -> str:
    """Returns a candidate as text: depth=2 width=0.5 …, without keras-tuner's own entries."""
    return " ".join(
        f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in values.items()
        if not name.startswith("tuner/")
    )
