"""Pooling layers of textbooks that Keras does not have: sum, L2 norm and weighted average.

Goodfellow, Bengio, Courville 2016, "Deep learning", section 9.3: "the average of a rectangular
neighborhood, the L2 norm of a rectangular neighborhood, or a weighted average based on the distance
from the central pixel".
"""

from __future__ import annotations

from typing import Any

import keras

from kerascnn.lazy import np


class _Pooling2D(keras.layers.Layer):
    """Base of pooling layers on (N, H, W, C); a subclass computes the value of a window.

    Args:
        pool_size: side of the square windows.
        strides: distance between windows.
    """

    def __init__(self, pool_size: int = 2, strides: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pool_size, self.strides = pool_size, strides

    def sums(self, inputs: Any) -> Any:
        """Returns the sum of each window that is completely inside the map."""
        size = self.pool_size
        return (
            size
            * size
            * keras.ops.average_pool(
                inputs, size, self.strides, padding="valid", data_format="channels_last"
            )
        )

    def compute_output_shape(self, input_shape: Any) -> Any:
        batch, height, width, channels = input_shape
        sides = (side and (side - self.pool_size) // self.strides + 1 for side in (height, width))
        return (batch, *sides, channels)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "pool_size": self.pool_size, "strides": self.strides}


@keras.saving.register_keras_serializable("kerascnn")
class SumPooling2D(_Pooling2D):
    """Returns the sum of each window."""

    def call(self, inputs: Any) -> Any:
        return self.sums(inputs)


@keras.saving.register_keras_serializable("kerascnn")
class L2Pooling2D(_Pooling2D):
    """Returns the L2 norm of each window: the square root of its sum of squares."""

    def call(self, inputs: Any) -> Any:
        # In float32, since squares of half-precision numbers overflow or vanish. The minimum avoids
        # the infinite gradient of the root at 0: windows of zeros are frequent after a ReLU.
        energy = self.sums(keras.ops.square(keras.ops.cast(inputs, "float32")))
        return keras.ops.cast(keras.ops.sqrt(keras.ops.maximum(energy, 1e-12)), inputs.dtype)


@keras.saving.register_keras_serializable("kerascnn")
class WeightedPooling2D(_Pooling2D):
    """Returns the average of each window with weights 2 ** -(d * d) at distance d from its centre.

    The weights are a Gaussian of variance 1 / (2 ln 2); for 3x3 they are 1 2 1, 2 4 2, 1 2 1 over
    16. Windows are centred on every `strides`-th value, beginning with the first. If a window
    reaches over the edge, the weights inside are divided by their own sum.

    Args:
        pool_size: side of the square windows, odd.
        strides: distance between windows.
    """

    def __init__(self, pool_size: int = 3, strides: int = 2, **kwargs: Any) -> None:
        super().__init__(pool_size, strides, **kwargs)
        if pool_size % 2 == 0:
            raise ValueError(f"pool_size must be odd to have a central value, got {pool_size}")

    def call(self, inputs: Any) -> Any:
        ops, reach = keras.ops, self.pool_size // 2
        squares = np.arange(-reach, reach + 1) ** 2
        weights = 2.0 ** -(squares[:, None] + squares[None, :])
        border = [[0, 0], [reach, reach], [reach, reach], [0, 0]]

        def weighted(x: Any) -> Any:
            kernel = np.tile(weights[:, :, None, None], (1, 1, x.shape[-1], 1))
            return ops.depthwise_conv(
                ops.pad(x, border),
                ops.cast(kernel, x.dtype),
                self.strides,
                padding="valid",
                data_format="channels_last",
            )

        _, height, width, _ = ops.shape(inputs)
        return weighted(inputs) / weighted(ops.ones((1, height, width, 1), inputs.dtype))

    def compute_output_shape(self, input_shape: Any) -> Any:
        batch, height, width, channels = input_shape
        sides = (side and -(-side // self.strides) for side in (height, width))
        return (batch, *sides, channels)
