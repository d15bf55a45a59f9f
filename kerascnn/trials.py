"""Whether a lower precision answers as float32 does, and faster: seen on images, not assumed."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from kerascnn.classifiers import Scores
from kerascnn.lazy import np

if TYPE_CHECKING:
    import numpy as np

AGREEMENT = 0.99
"""Share of images for which a lower precision must put the same class first as float32."""
ENOUGH = 100
"""Images on which that is seen; of fewer than 100 every one would have to agree."""
TIE = 1e-3
"""Probabilities that lie closer decide nothing, and their order is not counted."""


class Candidate:
    """A lower precision beside float32.

    Args:
        name: of the precision.
        make: makes its `scores`, as of a `Classifier`, when they are first needed.
        logits: whether a softmax makes them probabilities.
    """

    def __init__(self, name: str, make: Callable[[], Scores], logits: bool) -> None:
        self.name, self.make, self.logits = name, make, logits
        self.same = self.decided = 0
        self.seconds = float("inf")

    @functools.cached_property
    def scores(self) -> Scores:
        """From prepared images to scores."""
        return self.make()

    def again(self) -> Candidate:
        """Returns it as one that has not been compared yet."""
        return Candidate(self.name, lambda: self.scores, self.logits)

    @property
    def agreement(self) -> float | None:
        """The share of decided images for which the same class came first."""
        return self.same / self.decided if self.decided else None

    def compare(self, batch: np.ndarray, wanted: np.ndarray) -> None:
        """Compares its answers to a batch with the probabilities of float32."""
        scores = self.scores
        started = time.perf_counter()
        got = scores(batch)
        self.seconds = min(self.seconds, (time.perf_counter() - started) / len(batch))
        two = np.sort(wanted, axis=1)[:, -2:]
        decided = two[:, -1] - two[:, 0] >= TIE  # a single class is never decided
        self.same += int(((got.argmax(1) == wanted.argmax(1)) & decided).sum())
        self.decided += int(decided.sum())


class Trial:
    """Compares candidates with float32 until one is taken or none is left.

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
        self._left, self._enough = list(candidates), enough
        self._exact = float("inf")
        self.running = True
        self.winner: Candidate | None = None
        self.judged = candidates[0]
        names = " and ".join(one.name for one in candidates)
        self.reason = f"{names} on trial until {ENOUGH} images have been seen"

    def show(self, batch: np.ndarray, answer: np.ndarray, seconds: float) -> None:
        """Takes part in the answer to a batch.

        Args:
            batch: prepared images.
            answer: the probabilities of float32.
            seconds: that those took.
        """
        self._exact = min(self._exact, seconds / len(batch))
        for candidate in list(self._left):
            candidate.compare(batch, answer)
            wrong = candidate.decided - candidate.same
            if self._enough and wrong > (1 - AGREEMENT) * max(self._enough, candidate.decided):
                self._refuse(candidate)
        if not self._left or (self._enough and self._left[0].decided >= self._enough):
            self.end()

    def end(self) -> None:
        """Decides by what has been seen."""
        self.running = False
        for candidate in list(self._left):
            if candidate.agreement is None:
                self.reason = "no image was decided enough to compare precisions"
                return
            if candidate.agreement < AGREEMENT:
                self._refuse(candidate)
        if not self._left:
            return
        fastest = self.judged = min(self._left, key=lambda one: one.seconds)
        self.reason = (
            f"{fastest.name} puts the same class first as float32 for {fastest.same} of "
            f"{fastest.decided} images and takes {fastest.seconds / self._exact:.0%} of the time"
        )
        if fastest.seconds < self._exact:
            self.winner = fastest

    def _refuse(self, candidate: Candidate) -> None:
        self._left.remove(candidate)
        self.judged = candidate
        self.reason = (
            f"{candidate.name} puts the same class first as float32 for only {candidate.same} of "
            f"{candidate.decided} images"
        )
