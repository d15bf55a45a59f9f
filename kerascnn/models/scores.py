"""Log-probabilities of a classifier's scores, and their mean over several predictions."""

from __future__ import annotations

from kerascnn.lazy import np


def log_probabilities(scores: np.ndarray, *, logits: bool) -> np.ndarray:
    """Returns the natural logarithm of the class probabilities, in float64.

    The probabilities of logits are their softmax, or the sigmoid of a single one.

    Args:
        scores: N x classes, logits or probabilities.
        logits: whether `scores` are logits. Otherwise a probability of 0 is replaced by the
            smallest normal float32 number, so that its logarithm is finite.
    """
    scores = scores.astype(np.float64)
    if not logits:
        return np.log(np.clip(scores, np.finfo(np.float32).tiny, 1.0))
    if scores.shape[1] == 1:
        return -np.logaddexp(0, -scores)
    scores -= scores.max(axis=1, keepdims=True)
    return scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))


def mean_log_probabilities(parts: list[np.ndarray]) -> np.ndarray:
    """Returns the logarithm of the mean probabilities, from the logarithms of each prediction."""
    if len(parts) == 1:
        return parts[0]
    highest = np.maximum.reduce(parts)
    return highest + np.log(np.mean([np.exp(part - highest) for part in parts], axis=0))
