"""Compares runtimes and precisions on real images, to find the fastest that agrees with float32.

Which one is the fastest depends on the network and on the processor, so it is measured.
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
"""Smallest share of images for which a lower precision has the same top class as float32."""
ENOUGH_IMAGES = 100
"""Number of decided images after which a trial ends; of fewer, a single other class is over 1 %."""
MOST_IMAGES = 400
"""Number of images after which a trial ends, however few of them are decided."""
TIE_MARGIN = 1e-3
"""An image is decided when its two largest probabilities differ by at least this."""
TIMED_BATCHES = 3
"""Number of batches after which a candidate is dropped if it is slower by `SLOWDOWN`."""
SLOWDOWN = 1.2


class Candidate:
    """A runtime and precision that may replace the current one.

    Args:
        precision: "float32", "bfloat16" or "int8".
        runtime: one of `runtimes.available.RUNTIMES`.
        make: opens the network; called when it is first needed.

    Attributes:
        same: number of decided images with the same top class as float32.
        decided: number of decided images.
        batches: number of batches computed.
        seconds: shortest time for an image.
    """

    def __init__(self, precision: str, runtime: str, make: Callable[[], Classifier]) -> None:
        self.precision, self.runtime = precision, runtime
        self._make: Callable[[], Classifier] | None = make
        self.same = self.decided = self.batches = 0
        self.seconds = float("inf")

    @property
    def name(self) -> str:
        """The name for messages."""
        return f"{self.precision} in {self.runtime}"

    @functools.cached_property
    def network(self) -> Classifier:
        """The opened network."""
        assert self._make is not None  # not closed
        return self._make()

    @property
    def agreement(self) -> float | None:
        """Share of the decided images with the same top class as float32; None before the first."""
        return self.same / self.decided if self.decided else None

    def compare(self, batch: np.ndarray, expected: np.ndarray) -> None:
        """Computes a batch, and compares the top classes with those of float32.

        Args:
            batch: prepared images.
            expected: probabilities in float32.
        """
        scores = self.network.scores
        started = time.perf_counter()
        got = scores(batch)
        self.seconds = min(self.seconds, (time.perf_counter() - started) / len(batch))
        self.batches += 1
        largest = np.sort(expected, axis=1)[:, -2:]
        decided = largest[:, -1] - largest[:, 0] >= TIE_MARGIN  # never for a single class
        self.same += int(((got.argmax(1) == expected.argmax(1)) & decided).sum())
        self.decided += int(decided.sum())

    def restarted(self) -> Candidate:
        """Returns a candidate with the same network and no results."""
        return Candidate(self.precision, self.runtime, lambda: self.network)

    def close(self) -> None:
        """Frees the network and keeps the results."""
        self._make = None
        vars(self).pop("network", None)


class Trial:
    """Compares candidates with the current network until one is chosen or none is left.

    Attributes:
        running: whether the trial continues.
        winner: the candidate to use when the trial has ended; None when none agrees and is faster.
        judged: the candidate that `reason` describes.
        reason: the result so far, in a sentence.
    """

    def __init__(self, candidates: list[Candidate], enough: int | None = ENOUGH_IMAGES) -> None:
        """Starts a trial.

        Args:
            candidates: at least one.
            enough: number of decided images after which it ends; None continues until `end`.
        """
        self._all, self._left, self._enough = candidates, list(candidates), enough
        self._current_seconds = float("inf")
        self._refusals: list[str] = []
        self._images = 0
        self.running = True
        self.winner: Candidate | None = None
        self.judged = candidates[0]
        names = ", ".join(candidate.name for candidate in candidates)
        self.reason = f"on trial until {ENOUGH_IMAGES} images have been compared: {names}"

    def add(self, batch: np.ndarray, expected: np.ndarray, seconds: float) -> None:
        """Compares all candidates on a batch.

        Args:
            batch: prepared images.
            expected: probabilities of the current network, in float32.
            seconds: that it took to compute them.
        """
        self._current_seconds = min(self._current_seconds, seconds / len(batch))
        self._images += len(batch)
        for candidate in list(self._left):
            try:
                candidate.compare(batch, expected)
            except KerasCNNError as error:
                self._refuse(candidate, f"{candidate.name} cannot be opened: {error}")
                continue
            wrong = candidate.decided - candidate.same
            if self._enough and wrong > (1 - AGREEMENT) * max(self._enough, candidate.decided):
                self._refuse(candidate, _disagreement(candidate))
            elif (
                candidate.batches >= TIMED_BATCHES
                and candidate.seconds > SLOWDOWN * self._current_seconds
            ):
                self._left.remove(candidate)
                if not self._refusals:
                    self._report(candidate)
        if self._enough is None:
            return
        if not self._left or self._left[0].decided >= self._enough or self._images >= MOST_IMAGES:
            self.end()

    def end(self) -> None:
        """Ends the trial and chooses the winner."""
        self.running = False
        for candidate in list(self._left):
            if candidate.agreement is None and candidate.precision == "float32":
                continue  # it differs only by rounding
            if candidate.agreement is None:
                self._refuse(
                    candidate,
                    f"{candidate.name} cannot be compared with float32: the two largest "
                    "probabilities of every image are too close",
                )
            elif candidate.agreement < AGREEMENT:
                self._refuse(candidate, _disagreement(candidate))
        if not self._left:
            return
        fastest = min(self._left, key=lambda candidate: candidate.seconds)
        if fastest.seconds < self._current_seconds:
            self.winner = fastest
        if self.winner or not self._refusals:
            self._report(fastest)

    def close(self) -> None:
        """Frees the networks of all candidates; other references to the winner's keep it."""
        for candidate in self._all:
            candidate.close()

    def _report(self, candidate: Candidate) -> None:
        self.judged = candidate
        figures = (
            f"{candidate.name} puts the same class first as float32 for {candidate.same} of "
            f"{candidate.decided} images and takes "
            f"{candidate.seconds / self._current_seconds:.0%} of the time"
        )
        self.reason = "; ".join([figures, *self._refusals])

    def _refuse(self, candidate: Candidate, reason: str) -> None:
        self._left.remove(candidate)
        self._refusals.append(reason)
        self.judged, self.reason = candidate, "; ".join(self._refusals)


def _disagreement(candidate: Candidate) -> str:
    return (
        f"{candidate.name} puts the same class first as float32 for only {candidate.same} of "
        f"{candidate.decided} images"
    )
