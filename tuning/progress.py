"""Progress of a search: bars for trials and epochs on a terminal, one line a trial elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.text import Text

from kerascnn.training.progress import bars, clock


class SearchProgress:
    """Shows the trial in work and what came of those before.

    Args:
        trials: of the whole search; None where nobody knows.
        console: where to show it; standard output by default.
    """

    def __init__(self, trials: int | None, console: Console | None = None) -> None:
        self.trials = trials
        self.console = console or Console(highlight=False)
        self.best = float("-inf")
        self.done = 0
        self.bars: Progress | None = None
        if self.console.is_terminal:
            self.bars = bars(self.console)
            self.whole = self.bars.add_task("trials", total=trials, figures="")
            self.part = self.bars.add_task("", total=1, figures="")
            self.bars.start()

    def begun(self, trial_id: str, values: Mapping[str, Any]) -> None:
        """A trial starts."""
        if self.bars is not None:
            self.bars.update(self.part, completed=0, description=f"trial {trial_id}", figures="")

    def epoch(self, trial_id: str, epoch: int, epochs: int, logs: Mapping[str, float]) -> None:
        """An epoch ended."""
        if self.bars is not None:
            figures = f"epoch {epoch}/{epochs}  val_accuracy {logs['val_accuracy']:.2%}"
            self.bars.update(self.part, completed=epoch, total=epochs, figures=figures)

    def ended(self, trial_id: str, outcome: Mapping[str, Any]) -> None:
        """A trial ended."""
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

    def say(self, line: str) -> None:
        """Prints a line, above the bars where there are any."""
        self.console.print(Text(line), soft_wrap=True)

    def close(self) -> None:
        """Takes the bars away; the lines stay."""
        if self.bars is not None:
            self.bars.stop()


def candidate_text(values: Mapping[str, Any]) -> str:
    """Returns a candidate in a line: depth=2 width=0.5 …; keras-tuner's own entries left out."""
    return " ".join(
        f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in values.items()
        if not name.startswith("tuner/")
    )
