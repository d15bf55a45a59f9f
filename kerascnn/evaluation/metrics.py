"""The predictions of an evaluation: metrics, per-class figures, confusions, calibration.

Only small values are kept of each image (label, answer, confidence, loss), so that memory suffices
for any number of images.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kerascnn.lazy import np

if TYPE_CHECKING:
    import numpy as np

TOP = 5
BINS = 15
"""Bins of confidence, as in Guo et al. 2017, "On calibration of modern neural networks"."""
LARGEST_MATRIX = 5000
"""The most classes for which the confusion matrix is computed."""


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Predictions, with one entry for each image in the order of the data.

    Attributes:
        labels: the true class number.
        answers: the predicted class number; the first of equally probable classes.
        confidence: the probability of the predicted class.
        ranks: number of classes that are more probable than the true one; 0 if the answer is right.
        losses: -ln of the probability of the true class.
        classes: the number of classes.
    """

    labels: np.ndarray
    answers: np.ndarray
    confidence: np.ndarray
    ranks: np.ndarray
    losses: np.ndarray
    classes: int

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def of(cls, log_probabilities: np.ndarray, labels: np.ndarray) -> Outcomes:
        """Returns the outcomes of N x classes log-probabilities (natural) and N class numbers."""
        labels = labels.astype(np.int64)
        chosen = log_probabilities[np.arange(len(labels)), labels]
        earlier = np.arange(log_probabilities.shape[1]) < labels[:, None]
        before = (log_probabilities > chosen[:, None]) | (
            (log_probabilities == chosen[:, None]) & earlier
        )
        return cls(
            labels=labels,
            answers=log_probabilities.argmax(axis=1),
            confidence=np.exp(log_probabilities.max(axis=1)),
            ranks=before.sum(axis=1),
            losses=-chosen,
            classes=log_probabilities.shape[1],
        )

    @classmethod
    def joined(cls, parts: list[Outcomes]) -> Outcomes:
        """Concatenates the outcomes of several batches."""
        names = ("labels", "answers", "confidence", "ranks", "losses")
        arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
        return cls(**arrays, classes=parts[0].classes)

    def figures(self) -> dict[str, float]:
        """Returns loss, accuracy, top5 (with more than 5 classes) and ece over all images."""
        result = {"loss": float(self.losses.mean()), "accuracy": float((self.ranks == 0).mean())}
        if self.classes > TOP:
            result["top5"] = float((self.ranks < TOP).mean())
        result["ece"] = self.calibration().error
        return result

    def mistakes(self) -> np.ndarray:
        """Returns the indices of the misclassified images, the highest loss first."""
        wrong = np.flatnonzero(self.ranks > 0)
        return wrong[np.argsort(-self.losses[wrong], kind="stable")]

    def confusion(self) -> np.ndarray:
        """Returns the confusion matrix: counts of images, true class x answer."""
        flat = np.bincount(self.labels * self.classes + self.answers, minlength=self.classes**2)
        return flat.reshape(self.classes, self.classes)

    def confusions(self) -> list[tuple[int, int, int]]:
        """Returns (true class, answer, images) of every confusion, the most frequent first."""
        wrong = self.ranks > 0
        pairs, counts = np.unique(
            self.labels[wrong] * self.classes + self.answers[wrong], return_counts=True
        )
        order = np.argsort(-counts, kind="stable")
        return [
            (int(pairs[pair] // self.classes), int(pairs[pair] % self.classes), int(counts[pair]))
            for pair in order
        ]

    def per_class(self) -> list[ClassFigures]:
        """Returns the figures of each class, in the order of the classes."""
        support = np.bincount(self.labels, minlength=self.classes)
        answered = np.bincount(self.answers, minlength=self.classes)
        right = np.bincount(self.labels[self.ranks == 0], minlength=self.classes)
        top: dict[int, tuple[int, int]] = {}
        for true, answer, count in self.confusions():
            top.setdefault(true, (answer, count))
        return [
            ClassFigures(
                precision=float(right[label] / answered[label]) if answered[label] else None,
                recall=float(right[label] / support[label]) if support[label] else None,
                support=int(support[label]),
                confused_with=top.get(label),
            )
            for label in range(self.classes)
        ]

    def calibration(self, bins: int = BINS) -> Calibration:
        """Returns accuracy by confidence, in equal bins that include their upper edge."""
        edges = np.linspace(0, 1, bins + 1)
        # A softmax never gives a confidence of 0; clip puts it into the first bin.
        place = np.clip(np.ceil(self.confidence * bins).astype(int) - 1, 0, bins - 1)
        counts = np.bincount(place, minlength=bins)
        known = np.maximum(counts, 1)
        return Calibration(
            edges=edges,
            counts=counts,
            confidence=np.bincount(place, self.confidence, bins) / known,
            accuracy=np.bincount(place, self.ranks == 0, bins) / known,
        )


@dataclass(frozen=True)
class ClassFigures:
    """Precision, recall and support of one class.

    `precision` is the share of right answers among those that name the class, None if no answer
    does. `recall` is the share of its images that are answered right, None if it has no images.
    `support` is the number of its images. `confused_with` is its most frequent wrong answer and the
    number of images that got it.
    """

    precision: float | None
    recall: float | None
    support: int
    confused_with: tuple[int, int] | None


@dataclass(frozen=True, eq=False)
class Calibration:
    """Mean confidence and accuracy for each bin of confidence; both 0 for an empty bin."""

    edges: np.ndarray
    counts: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray

    @property
    def error(self) -> float:
        """The expected calibration error: mean |accuracy - confidence| over images, in [0, 1]."""
        gaps = np.abs(self.accuracy - self.confidence)
        return float((self.counts * gaps).sum() / max(self.counts.sum(), 1))

    def rows(self) -> Iterator[tuple[float, float, int, float, float]]:
        """Yields lower edge, upper edge, images, confidence and accuracy of each bin."""
        for low, high, *rest in zip(
            self.edges[:-1], self.edges[1:], self.counts, self.confidence, self.accuracy,
            strict=True,
        ):  # fmt: skip
            count, confidence, accuracy = rest
            yield float(low), float(high), int(count), float(confidence), float(accuracy)
