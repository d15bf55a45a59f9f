"""What came of an evaluation: figures, a table of the classes, confusions, calibration.

Only what is small is kept of each image (label, answer, confidence, loss), so that these can be
counted over any number of images.
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
"""Of confidence, as in Guo et al. 2017, "On calibration of modern neural networks", section 2."""
LARGEST_MATRIX = 5000
"""Classes above which the square matrix of confusions is not laid out."""


@dataclass(frozen=True, eq=False)
class Outcomes:
    """One entry an image, in the order of the data.

    Attributes:
        labels: the true class number.
        answers: the likeliest class number; the first of equals.
        confidence: the probability that the answer was given.
        ranks: how many classes came before the true one; 0 where the answer is right.
        losses: -ln of the probability that the true class was given.
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
        """Judges N x classes natural logarithms of probabilities by N class numbers."""
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
        """Returns the images of all parts, one after the other."""
        names = ("labels", "answers", "confidence", "ranks", "losses")
        arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
        return cls(**arrays, classes=parts[0].classes)

    def figures(self) -> dict[str, float]:
        """Returns loss, accuracy, top5 (with more than 5 classes) and ece, means over images."""
        result = {"loss": float(self.losses.mean()), "accuracy": float((self.ranks == 0).mean())}
        if self.classes > TOP:
            result["top5"] = float((self.ranks < TOP).mean())
        result["ece"] = self.calibration().error
        return result

    def mistakes(self) -> np.ndarray:
        """Returns the numbers of the wrongly answered images, the highest loss first."""
        wrong = np.flatnonzero(self.ranks > 0)
        return wrong[np.argsort(-self.losses[wrong], kind="stable")]

    def confusion(self) -> np.ndarray:
        """Returns counts of images, true class x answer; `confusions` for very many classes."""
        flat = np.bincount(self.labels * self.classes + self.answers, minlength=self.classes**2)
        return flat.reshape(self.classes, self.classes)

    def confusions(self) -> list[tuple[int, int, int]]:
        """Returns (true class, answer, images) of every kind of mistake, the commonest first."""
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
        """Compares confidence with accuracy in equal intervals of confidence, closed above."""
        edges = np.linspace(0, 1, bins + 1)
        # A confidence of 0 cannot come from a softmax; it would belong to the first interval.
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
    """How one class fared.

    `precision` is the share of the class's answers that are right, None if it never was the answer;
    `recall` the share of its images that are answered right, None if it has none (`support`);
    `confused_with` its most frequent wrong answer and how many images got it.
    """

    precision: float | None
    recall: float | None
    support: int
    confused_with: tuple[int, int] | None


@dataclass(frozen=True, eq=False)
class Calibration:
    """Confidence and accuracy by interval of confidence; both 0 where an interval has no image."""

    edges: np.ndarray
    counts: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray

    @property
    def error(self) -> float:
        """The expected calibration error: the mean gap over images, from 0 to 1."""
        gaps = np.abs(self.accuracy - self.confidence)
        return float((self.counts * gaps).sum() / max(self.counts.sum(), 1))

    def rows(self) -> Iterator[tuple[float, float, int, float, float]]:
        """Yields lower edge, upper edge, images, confidence and accuracy of each interval."""
        for low, high, *rest in zip(
            self.edges[:-1], self.edges[1:], self.counts, self.confidence, self.accuracy,
            strict=True,
        ):  # fmt: skip
            count, confidence, accuracy = rest
            yield float(low), float(high), int(count), float(confidence), float(accuracy)
