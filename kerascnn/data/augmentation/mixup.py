"""Mixtures of images with their neighbours in the batch: mixup and CutMix.

mixup: Zhang 2017, arXiv:1710.09412. CutMix: Yun 2019, arXiv:1905.04899. As in their papers' code, a
batch has one draw.
"""

from __future__ import annotations

from typing import Any

from kerascnn.lazy import tf


def mixed(
    images: tf.Tensor, rows: tf.Tensor, seed: Any, *, mixup: float, cutmix: float
) -> tuple[tf.Tensor, tf.Tensor]:
    """Mixes every image of a batch with the one before it, and their labels in the same parts.

    Args:
        images: N x H x W x C float32, H and W known.
        rows: N x classes float32, each a distribution.
        seed: two whole numbers that the batch's draw is a function of.
        mixup, cutmix: alphas of Beta(alpha, alpha); 0 for never. With both, each has half of the
            batches.
    """
    other, other_rows = tf.roll(images, 1, 0), tf.roll(rows, 1, 0)
    coin = tf.random.stateless_uniform([3], seed, alg="philox")
    blend = bool(mixup) and (not cutmix or coin[0] < 0.5)
    share = _beta(tf.where(blend, mixup, cutmix), seed)
    keep, row_share = _cut(images.shape[1], images.shape[2], share, coin[1:])
    if mixup:
        keep = tf.where(blend, tf.ones_like(keep) * share, keep)
        row_share = tf.where(blend, share, row_share)
    return (
        other + (images - other) * keep,
        other_rows + (rows - other_rows) * row_share,
    )


def _beta(alpha: Any, seed: Any) -> tf.Tensor:
    """Returns a draw of Beta(alpha, alpha)."""
    one = tf.random.stateless_gamma([2], tf.random.experimental.stateless_fold_in(seed, 1), alpha)
    # Both can underflow to 0 where alpha is small; then one image stays whole.
    return tf.where(tf.reduce_sum(one) > 0, one[0] / tf.maximum(tf.reduce_sum(one), 1e-37), 1.0)


def _cut(height: int, width: int, share: Any, centre: Any) -> tuple[Any, Any]:
    """Returns H x W x 1, 0 in a rectangle of the other image and 1 elsewhere, and its mean."""
    side = tf.sqrt(1 - share)

    def inside(length: int, where: Any) -> Any:
        middle, half = tf.floor(where * length), tf.floor(side * length) / 2
        places = tf.range(length, dtype=tf.float32)
        low, high = tf.round(middle - half), tf.round(middle + half)
        return (places >= low) & (places < high)

    rows, columns = inside(height, centre[0]), inside(width, centre[1])
    other = tf.cast(rows[:, None] & columns[None, :], tf.float32)
    # The rectangle is cut off at the edges: what counts is what is left of it.
    return (1 - other)[..., None], 1 - tf.reduce_mean(other)
