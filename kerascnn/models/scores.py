"""Log-probabilities from the scores of a classifier."""

from __future__ import annotations

from kerascnn.lazy import np


def log_probabilities(scores: np.ndarray, *, logits: bool) -> np.ndarray:
    """Returns ln p in float64; a probability of 0 counts as the least that float32 can hold."""
    scores = scores.astype(np.float64)
    if not logits:
        return np.log(np.clip(scores, np.finfo(np.float32).tiny, 1.0))
    scores -= scores.max(axis=1, keepdims=True)
    return scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))


def mean_log_probabilities(parts: list[np.ndarray]) -> np.ndarray:
    """Returns the logarithm of the mean of probabilities that are given by their logarithms."""
    if len(parts) == 1:
        return parts[0]
    highest = np.maximum.reduce(parts)
    return highest + np.log(np.mean([np.exp(part - highest) for part in parts], axis=0))
