"""mixup and CutMix: each image of a batch is mixed with its neighbour in the batch.

mixup: Zhang 2017, arXiv:1710.09412. CutMix: Yun 2019, arXiv:1905.04899. As in the code of these
papers, all images of a batch are mixed with the same random numbers.
"""

from __future__ import annotations

from typing import Any

from kerascnn.lazy import tf


def mixed(
    images: tf.Tensor, rows: tf.Tensor, seed: Any, *, mixup: float, cutmix: float
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns a batch in which every image, and its label, is mixed with the one before it.

    Args:
        images: N x H x W x C float32, H and W known.
        rows: N x classes float32, the class probabilities of each image.
        seed: two whole numbers, the seed of the batch's random numbers.
        mixup, cutmix: alphas of Beta(alpha, alpha); 0 turns one off. With both, each is applied to
            half of the batches at random.

    Returns:
        The mixed images and the mixed rows.
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
    """Returns a random number of the distribution Beta(alpha, alpha)."""
    seed = tf.random.experimental.stateless_fold_in(seed, 1)
    gammas = tf.random.stateless_gamma([2], seed, alpha)
    total = tf.reduce_sum(gammas)
    # With a small alpha, both can underflow to 0; the images then stay unmixed.
    return tf.where(total > 0, gammas[0] / tf.maximum(total, 1e-37), 1.0)


def _cut(height: int, width: int, share: Any, centre: Any) -> tuple[Any, Any]:
    """Returns the mask of CutMix and the part of the image that it keeps.

    Args:
        height, width: of the images.
        share: part of the image to keep, before the rectangle is cut off at the edges.
        centre: of the rectangle (vertical, horizontal), in [0, 1).

    Returns:
        H x W x 1, 0 inside the rectangle of the other image and 1 elsewhere; and its mean.
    """
    side = tf.sqrt(1 - share)

    def inside(length: int, position: Any) -> Any:
        middle, half = tf.floor(position * length), tf.floor(side * length) / 2
        pixels = tf.range(length, dtype=tf.float32)
        low, high = tf.round(middle - half), tf.round(middle + half)
        return (pixels >= low) & (pixels < high)

    rows, columns = inside(height, centre[0]), inside(width, centre[1])
    other = tf.cast(rows[:, None] & columns[None, :], tf.float32)
    # The mean, not `share`, since the rectangle may reach over the edges.
    return (1 - other)[..., None], 1 - tf.reduce_mean(other)
