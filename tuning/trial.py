"""One trial of a search: its values, score and costs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from kerascnn.errors import UsageError

COSTS = ("params", "macs", "memory", "latency", "seconds")


COLUMNS = (
    "trial", "status", "val_accuracy", "val_loss", "epoch", "epochs", "stopped", "params", "macs",
    "memory", "latency", "seconds", "seed", "worker", "attempts", "reason",
)  # fmt: skip


@dataclass(frozen=True)
class Trial:
    """One candidate and what came of it.

    Args:
        trial: its id.
        values: of its axes.
        score: validation accuracy of its best epoch; None when it failed.
        reason: why it failed, or "".
        metrics: losses and accuracies of the best epoch.
        epoch: the best epoch, from 1.
        epochs: how many it had.
        stopped: it was ended early for falling behind.
        params, macs, memory: its price; memory in bytes of a training step.
        latency: seconds for one image, where it was measured.
        precision: the dtype policy that it was trained in.
        seconds: that the trial took.
        seed: of its weights, order and distortions.
        worker: who ran it.
        attempts: how often it was begun.
        history: a list for each figure, an entry an epoch.
    """

    trial: str
    values: dict[str, Any]
    score: float | None
    reason: str = ""
    metrics: dict[str, float] = field(default_factory=dict)
    epoch: int = 0
    epochs: int = 0
    stopped: bool = False
    params: int = 0
    macs: int | None = None
    memory: int | None = None
    latency: float | None = None
    precision: str = "float32"
    seconds: float = 0.0
    seed: int = 0
    worker: str = ""
    attempts: int = 1
    history: dict[str, list[float]] = field(default_factory=dict)

    @classmethod
    def of(cls, outcome: dict[str, Any]) -> Trial:
        """Makes one of what a trial's outcome.json holds."""
        names = set(cls.__dataclass_fields__) - {"score"}
        fields = {key: value for key, value in outcome.items() if key in names}
        done = outcome["status"] == "COMPLETED"
        return cls(**fields, score=outcome["metrics"]["val_accuracy"] if done else None)


def pareto(trials: Iterable[Trial], cost: str = "macs") -> list[Trial]:
    """Returns the completed trials that none beats in accuracy without costing more.

    Args:
        trials: to choose among.
        cost: one of `COSTS`.

    Returns:
        By rising cost, and so by rising accuracy.
    """
    if cost not in COSTS:
        raise UsageError(f"cost={cost!r}; it must be one of {', '.join(COSTS)}")
    priced = [
        (getattr(trial, cost), -trial.score, trial)
        for trial in trials
        if trial.score is not None and getattr(trial, cost) is not None
    ]
    front: list[Trial] = []
    for _, _, trial in sorted(priced, key=lambda entry: entry[:2]):
        if not front or (trial.score or 0) > (front[-1].score or 0):
            front.append(trial)
    return front
