"""A border whose width depends on the size of the image."""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable("kerascnn")
class EvenBorder2D(keras.layers.Layer):
    """Zeros for windows of 3x3 and stride 2: below and right, and above and left of an odd side.

    (N, H, W, C) -> (N, H + 1 + H % 2, W + 1 + W % 2, C): the border of TensorFlow's "same", made of
    values that count.
    """

    def call(self, inputs: Any) -> Any:
        ops = keras.ops
        height, width = ops.shape(inputs)[1:3]
        padded = ops.pad(inputs, [[0, 0], [1, 1], [1, 1], [0, 0]])
        # One zero too many above an even side, cut away again: a slice may start at a tensor.
        return padded[:, 1 - height % 2 :, 1 - width % 2 :]

    def compute_output_shape(self, input_shape: Any) -> Any:
        batch, height, width, channels = input_shape
        sides = (side and side + 1 + side % 2 for side in (height, width))
        return (batch, *sides, channels)
