"""Colours of whole batches: brightness, contrast, saturation and AlexNet's lighting, as one map.

Each changes a pixel by a 3 x 3 matrix and an offset, so all of them together are one product a
pixel. Values are not clipped in between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kerascnn.lazy import np, tf

if TYPE_CHECKING:
    import tensorflow

UNIFORM, NORMAL = 3, 3
"""Columns of the tables of draws."""
LUMA = (0.299, 0.587, 0.114)
# Principal components of ImageNet's pixels in [0, 1], columns of red, green, blue, and their
# standard deviations: published with fb.resnet.torch.
DEVIATIONS = (0.2175, 0.0188, 0.0045)
COMPONENTS = (
    (-0.5675, 0.7192, 0.4009),
    (-0.5808, -0.0045, -0.8140),
    (-0.5836, -0.6948, 0.4203),
)


def recoloured(
    images: tensorflow.Tensor,
    uniform: Any,
    normal: Any,
    *,
    jitter: float,
    lighting: float,
    bgr: bool,
) -> tensorflow.Tensor:
    """Changes the colours of a batch.

    Args:
        images: N x H x W x C float32, 0 to 255. With other than 1 or 3 channels, brightness only.
        uniform: N x UNIFORM, in 0 to 1: brightness, contrast, saturation, each a factor in
            1 - jitter to 1 + jitter, one after the other.
        normal: N x NORMAL: how far along each principal component, times its deviation and
            `lighting`. For images of 3 channels.
        jitter, lighting: strengths, 0 for none.
        bgr: channels are blue, green, red.
    """
    channels = images.shape[-1]
    if jitter:
        factors = 1 + jitter * (2 * uniform - 1)
        bright, contrast, saturation = (factors[:, k, None, None, None] for k in range(UNIFORM))
        images = images * bright
        if channels in (1, 3):
            grey = _grey(images, bgr)
            mean = _mean(grey)
            if channels == 1:
                images = mean + (images - mean) * contrast
            else:
                # Saturation after contrast: s (m + c (x - m)) + (1 - s) (m + c (g - m)).
                images = (
                    images * (contrast * saturation)
                    + grey * (contrast * (1 - saturation))
                    + mean * (1 - contrast)
                )
    if lighting and channels == 3:
        axes = np.asarray(COMPONENTS, np.float32)[:: -1 if bgr else 1]
        scales = np.asarray(DEVIATIONS, np.float32) * np.float32(255 * lighting)
        # Written out: a matrix product's last bits depend on the size of the batch.
        steps = [normal[:, k, None] * (scales[k] * axes[:, k]) for k in range(NORMAL)]
        images = images + (steps[0] + steps[1] + steps[2])[:, None, None, :]
    return images


def _grey(images: tensorflow.Tensor, bgr: bool) -> tensorflow.Tensor:
    if images.shape[-1] == 1:
        return images
    weights = LUMA[::-1] if bgr else LUMA
    return sum(weight * images[..., k, None] for k, weight in enumerate(weights))


def _mean(grey: tensorflow.Tensor) -> tensorflow.Tensor:
    """Returns the mean of each image, to the same bits whatever batch it is in."""
    # Sums of whole numbers do not depend on their order.
    total = tf.reduce_sum(tf.cast(tf.round(grey * 256), tf.int64), axis=(1, 2, 3), keepdims=True)
    count = 256 * tf.shape(grey)[1] * tf.shape(grey)[2]
    return tf.cast(total / tf.cast(count, tf.int64), tf.float32)
