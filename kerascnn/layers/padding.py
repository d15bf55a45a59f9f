"""Padding whose width depends on the size of the image."""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable("kerascnn")
class EvenBorder2D(keras.layers.Layer):
    """Pads with zeros as TensorFlow's "same" does for 3x3 windows of stride 2.

    (N, H, W, C) -> (N, H + 1 + H % 2, W + 1 + W % 2, C). It adds one row below and one column on
    the right; for an odd height also one row above, and for an odd width one column on the left.
    Unlike the padding of a pooling layer, these zeros are counted in averages.
    """

    def call(self, inputs: Any) -> Any:
        ops = keras.ops
        height, width = ops.shape(inputs)[1:3]
        padded = ops.pad(inputs, [[0, 0], [1, 1], [1, 1], [0, 0]])
        # Pads all four sides, then removes the first row or column of an even side. This works for
        # an unknown size, since a slice can start at a tensor.
        return padded[:, 1 - height % 2 :, 1 - width % 2 :]

    def compute_output_shape(self, input_shape: Any) -> Any:
        batch, height, width, channels = input_shape
        sides = (side and side + 1 + side % 2 for side in (height, width))
        return (batch, *sides, channels)
