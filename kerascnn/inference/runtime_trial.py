"""Which runtime and precision is the fastest that answers as float32 does.

That is seen on images, not assumed: it depends on the network and on the processor.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from kerascnn.errors import KerasCNNError
from kerascnn.inference.classifier import Classifier
from kerascnn.lazy import np

if TYPE_CHECKING:
    import numpy as np

AGREEMENT = 0.99
"""Share of images for which a lower precision must put the same class first as float32."""
ENOUGH = 100
"""Images on which that is seen; of fewer than 100 every one would have to agree."""
LONGEST = 400
"""Images after which a trial ends, however few of them were decided."""
TIE = 1e-3
"""Probabilities that lie closer decide nothing, and their order is not counted."""
TIMED = 3
"""Batches after which a candidate that is clearly slower is spared the others."""
SLOWER = 1.2
"""By what factor it must be."""


class Candidate:
    """Another way to compute what runs in float32 now.

    Args:
        precision: what it computes in.
        runtime: and where.
        make: opens it, when it is first needed.
    """

    def __init__(self, precision: str, runtime: str, make: Callable[[], Classifier]) -> None:
        self.precision, self.runtime = precision, runtime
        self._make: Callable[[], Classifier] | None = make
        self.same = self.decided = self.batches = 0
        self.seconds = float("inf")

    @property
    def name(self) -> str:
        """How messages call it."""
        return f"{self.precision} in {self.runtime}"

    @functools.cached_property
    def network(self) -> Classifier:
        """What computes."""
        assert self._make is not None  # it was closed
        return self._make()

    def close(self) -> None:
        """Frees what computes, and keeps the figures."""
        self._make = None
        vars(self).pop("network", None)

    def again(self) -> Candidate:
        """Returns it as one that has not been compared yet."""
        return Candidate(self.precision, self.runtime, lambda: self.network)

    @property
    def agreement(self) -> float | None:
        """The share of decided images for which the same class came first."""
        return self.same / self.decided if self.decided else None

    def compare(self, batch: np.ndarray, wanted: np.ndarray) -> None:
        """Compares its answers to a batch with the probabilities of float32."""
        scores = self.network.scores
        started = time.perf_counter()
        got = scores(batch)
        self.seconds = min(self.seconds, (time.perf_counter() - started) / len(batch))
        self.batches += 1
        two = np.sort(wanted, axis=1)[:, -2:]
        decided = two[:, -1] - two[:, 0] >= TIE  # a single class is never decided
        self.same += int(((got.argmax(1) == wanted.argmax(1)) & decided).sum())
        self.decided += int(decided.sum())


class Trial:
    """Compares candidates with what runs now until one is taken or none is left.

    Attributes:
        running: whether it goes on.
        winner: the candidate to take, when it is over and one agrees and is faster.
        judged: the candidate that the figures are about.
        reason: what has been found, in a sentence.
    """

    def __init__(self, candidates: list[Candidate], enough: int | None = ENOUGH) -> None:
        """Begins.

        Args:
            candidates: at least one.
            enough: decided images after which it ends; None until `end` is called.
        """
        self._all, self._left, self._enough = candidates, list(candidates), enough
        self._exact = float("inf")
        self._refusals: list[str] = []
        self._shown = 0
        self.running = True
        self.winner: Candidate | None = None
        self.judged = candidates[0]
        names = ", ".join(one.name for one in candidates)
        self.reason = f"on trial until {ENOUGH} images have been seen: {names}"

    def show(self, batch: np.ndarray, answer: np.ndarray, seconds: float) -> None:
        """Takes part in the answer to a batch.

        Args:
            batch: prepared images.
            answer: the probabilities of float32.
            seconds: that those took.
        """
        self._exact = min(self._exact, seconds / len(batch))
        self._shown += len(batch)
        for candidate in list(self._left):
            try:
                candidate.compare(batch, answer)
            except KerasCNNError as error:
                self._leave(candidate, f"{candidate.name} cannot be opened: {error}")
                continue
            wrong = candidate.decided - candidate.same
            if self._enough and wrong > (1 - AGREEMENT) * max(self._enough, candidate.decided):
                self._leave(candidate, _disagrees(candidate))
            elif candidate.batches >= TIMED and candidate.seconds > SLOWER * self._exact:
                self._left.remove(candidate)
                if not self._refusals:
                    self._report(candidate)
        if self._enough is None:
            return
        if not self._left or self._left[0].decided >= self._enough or self._shown >= LONGEST:
            self.end()

    def end(self) -> None:
        """Decides by what has been seen."""
        self.running = False
        for candidate in list(self._left):
            if candidate.agreement is None and candidate.precision == "float32":
                continue  # by rounding alone it differs
            if candidate.agreement is None:
                self._leave(
                    candidate,
                    f"no image was decided enough to compare {candidate.name} with float32",
                )
            elif candidate.agreement < AGREEMENT:
                self._leave(candidate, _disagrees(candidate))
        if not self._left:
            return
        fastest = min(self._left, key=lambda one: one.seconds)
        if fastest.seconds < self._exact:
            self.winner = fastest
        if self.winner or not self._refusals:
            self._report(fastest)

    def close(self) -> None:
        """Frees all candidates; whoever uses the winner's network keeps that."""
        for candidate in self._all:
            candidate.close()

    def _report(self, candidate: Candidate) -> None:
        self.judged = candidate
        figures = (
            f"{candidate.name} puts the same class first as float32 for {candidate.same} of "
            f"{candidate.decided} images and takes {candidate.seconds / self._exact:.0%} of the "
            "time"
        )
        self.reason = "; ".join([figures, *self._refusals])

    def _leave(self, candidate: Candidate, reason: str) -> None:
        self._left.remove(candidate)
        self._refusals.append(reason)
        self.judged, self.reason = candidate, "; ".join(self._refusals)


def _disagrees(candidate: Candidate) -> str:
    return (
        f"{candidate.name} puts the same class first as float32 for only {candidate.same} of "
        f"{candidate.decided} images"
    )
