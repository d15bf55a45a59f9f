"""A trial of a search: its values, its score and its costs."""

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
    """A candidate and the outcome of its training.

    Args:
        trial: the id of the trial.
        values: the values of its axes.
        score: validation accuracy of the best epoch; None if the trial failed.
        reason: why the trial failed, or "".
        metrics: losses and accuracies of the best epoch.
        epoch: the best epoch, from 1.
        epochs: number of epochs trained.
        stopped: whether it was ended early for a poor accuracy.
        params, macs, memory: trainable parameters, multiply-accumulates for one image, and bytes of
            a training step.
        latency: seconds for one image; None if not measured.
        precision: name of the dtype policy.
        seconds: duration of the trial.
        seed: seed of its weights, order and augmentation.
        worker: id of the worker.
        attempts: how often the trial was started.
        history: a list for each figure, with an entry for each epoch.
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
        """Returns the trial in the content of an outcome.json."""
        names = set(cls.__dataclass_fields__) - {"score"}
        fields = {key: value for key, value in outcome.items() if key in names}
        done = outcome["status"] == "COMPLETED"
        return cls(**fields, score=outcome["metrics"]["val_accuracy"] if done else None)


def pareto(trials: Iterable[Trial], cost: str = "macs") -> list[Trial]:
    """Returns the completed trials than which no other has a higher accuracy at no higher cost.

    Args:
        trials: the trials to choose from.
        cost: one of `COSTS`.

    Returns:
        The trials by rising cost, and so by rising accuracy.

    Raises:
        UsageError: the cost is unknown.
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
