"""Random affine distortions of whole batches: flips, zooms, rotations and shifts."""

from __future__ import annotations

import math
from dataclasses import dataclass

from kerascnn.errors import UsageError
from kerascnn.lazy import tf

# Columns of the table of random numbers, and the number of them.
_ACROSS, _DOWN, _ANGLE, _ZOOM, _FLIP, DRAWS = range(6)


@dataclass(frozen=True)
class Affine:
    """One random affine map for each image: flip, zoom, rotation, then translation.

    Attributes:
        translate: largest shift in whole pixels, in all four directions.
        flip: mirror left to right with probability 1/2.
        rotate: largest rotation about the centre in degrees, in both directions.
        zoom: largest relative change of size; the factor is between 1 - zoom and 1 + zoom.

    Raises:
        UsageError: a field is out of range.
    """

    translate: int = 0
    flip: bool = False
    rotate: float = 0.0
    zoom: float = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.translate, int) or self.translate < 0:
            raise UsageError(f"translate is {self.translate!r}; give whole pixels, 0 or more")
        if not 0 <= self.rotate <= 180:
            raise UsageError(f"rotate is {self.rotate!r}; give degrees, 0 to 180")
        if not 0 <= self.zoom < 1:
            raise UsageError(f"zoom is {self.zoom!r}; give a fraction, at least 0 and below 1")

    @property
    def active(self) -> bool:
        """Whether any image can change."""
        return bool(self.translate or self.flip or self.rotate or self.zoom)

    def transforms(self, draws: tf.Tensor, height: int, width: int) -> tf.Tensor:
        """Returns for each row of `draws` the affine map from result pixels to image pixels.

        Args:
            draws: N x DRAWS random float32 numbers, uniform in [0, 1).
            height, width: of the images in pixels.

        Returns:
            N x 8 coefficients (a0, a1, a2, b0, b1, b2, 0, 0): the value at (x, y) comes from
            (a0 x + a1 y + a2, b0 x + b1 y + b2).
        """
        shifts = 2 * self.translate + 1
        # A float32 number below 1, times a whole number, can be rounded up to that whole number.
        across, down = (
            tf.minimum(tf.floor(draws[:, column] * shifts), shifts - 1) - self.translate
            for column in (_ACROSS, _DOWN)
        )
        angle = (2 * draws[:, _ANGLE] - 1) * math.radians(self.rotate)
        factor = 1 + (2 * draws[:, _ZOOM] - 1) * self.zoom
        mirror = tf.where(draws[:, _FLIP] < 0.5, -1.0, 1.0) if self.flip else 1.0
        cos, sin = tf.cos(angle) / factor, tf.sin(angle) / factor
        a0, a1, b0, b1 = mirror * cos, mirror * sin, -sin, cos
        middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
        x, y = middle_x + across, middle_y + down
        zero = tf.zeros_like(cos)
        return tf.stack(
            [
                a0,
                a1,
                middle_x - (a0 * x + a1 * y),
                b0,
                b1,
                middle_y - (b0 * x + b1 * y),
                zero,
                zero,
            ],
            axis=1,
        )

    def __call__(self, images: tf.Tensor, draws: tf.Tensor, fill: float) -> tf.Tensor:
        """Returns a distorted batch, sampled bilinearly, with `fill` outside the images.

        Args:
            images: N x H x W x C float32, H and W known.
            draws: N x DRAWS random float32 numbers, uniform in [0, 1).
            fill: the value of pixels outside the original images.
        """
        height, width = images.shape[1:3]
        return tf.raw_ops.ImageProjectiveTransformV3(
            images=images,
            transforms=self.transforms(draws, height, width),
            output_shape=[height, width],
            fill_value=fill,
            interpolation="BILINEAR",
            fill_mode="CONSTANT",
        )
