"""Random colour changes of whole batches: brightness, contrast, saturation, AlexNet's lighting.

Values are not clipped between these steps.
"""

from __future__ import annotations

from typing import Any

from kerascnn.lazy import np, tf

UNIFORM, NORMAL = 3, 3
"""Columns of the tables of uniform and of normal random numbers."""
LUMA = (0.299, 0.587, 0.114)
# Principal components of ImageNet's pixels in [0, 1], one in each column, with rows for red, green
# and blue; and their standard deviations. Published with fb.resnet.torch.
DEVIATIONS = (0.2175, 0.0188, 0.0045)
COMPONENTS = (
    (-0.5675, 0.7192, 0.4009),
    (-0.5808, -0.0045, -0.8140),
    (-0.5836, -0.6948, 0.4203),
)


def jittered(images: tf.Tensor, uniform: Any, jitter: float, *, bgr: bool) -> tf.Tensor:
    """Returns images with changed brightness, contrast and saturation, in this order.

    Args:
        images: N x H x W x C float32, 0 to 255. Unless C is 1 or 3, only the brightness changes.
        uniform: N x UNIFORM random numbers in [0, 1); each gives a factor between 1 - jitter and
            1 + jitter.
        jitter: largest relative change, above 0.
        bgr: channels are blue, green, red.
    """
    channels = images.shape[-1]
    factors = 1 + jitter * (2 * uniform - 1)
    bright, contrast, saturation = (factors[:, k, None, None, None] for k in range(UNIFORM))
    if channels not in (1, 3):
        return images * bright
    grey = _grey(images, bgr) * bright
    mean = _mean(grey)
    if channels == 1:
        return grey * contrast + mean * (1 - contrast)
    # Saturation after contrast: s (m + c (x - m)) + (1 - s) (m + c (g - m)).
    return images * (bright * contrast * saturation) + (
        grey * (contrast * (1 - saturation)) + mean * (1 - contrast)
    )


def lighting(normal: Any, strength: float, *, bgr: bool) -> tf.Tensor:
    """Returns the shifts of each image's channels, N x 3, for values from 0 to 255.

    Args:
        normal: N x NORMAL random numbers of a standard normal distribution. Each is multiplied by
            a principal component, the component's deviation and `strength`.
        strength: standard deviation of the shifts; AlexNet uses 0.1.
        bgr: channels are blue, green, red.
    """
    axes = np.asarray(COMPONENTS, np.float32)[:: -1 if bgr else 1]
    scales = np.asarray(DEVIATIONS, np.float32) * np.float32(255 * strength)
    # Sums in a fixed order: the last bits of a matrix product depend on the number of its rows.
    steps = [normal[:, k, None] * (scales[k] * axes[:, k]) for k in range(NORMAL)]
    return steps[0] + steps[1] + steps[2]


def _grey(images: tf.Tensor, bgr: bool) -> tf.Tensor:
    if images.shape[-1] == 1:
        return images
    weights = LUMA[::-1] if bgr else LUMA
    return sum(weight * images[..., k, None] for k, weight in enumerate(weights))


def _mean(grey: tf.Tensor) -> tf.Tensor:
    """Returns the mean of each image; bitwise the same in every batch."""
    # The sum of whole numbers does not depend on their order.
    total = tf.reduce_sum(tf.cast(tf.round(grey * 256), tf.int64), axis=(1, 2, 3), keepdims=True)
    count = 256 * tf.shape(grey)[1] * tf.shape(grey)[2]
    return tf.cast(total / tf.cast(count, tf.int64), tf.float32)
