"""Parts of networks for semantic segmentation: bilinear filters, a crop to another map's size."""

from __future__ import annotations

from typing import Any

import keras

from kerascnn.lazy import np


@keras.saving.register_keras_serializable("kerascnn")
class Bilinear(keras.initializers.Initializer):
    """Initialises a transposed convolution of stride s and kernel size 2 s as bilinear enlargement.

    Each channel is enlarged separately: weights between different channels are zero (Long,
    Shelhamer, Darrell 2015, "Fully convolutional networks for semantic segmentation",
    arXiv:1411.4038, section 3.3).
    """

    def __call__(self, shape: Any, dtype: Any = None, **kwargs: Any) -> Any:
        height, width, outputs, inputs = shape
        sides = []
        for size in (height, width):
            factor = (size + 1) // 2
            centre = factor - 1 if size % 2 else factor - 0.5
            sides.append(1 - np.abs(np.arange(size) - centre) / factor)
        filters = np.outer(*sides)[:, :, None, None] * np.eye(outputs, inputs)
        return keras.ops.convert_to_tensor(filters.astype("float32"), dtype=dtype or "float32")


@keras.saving.register_keras_serializable("kerascnn")
class CropLike(keras.layers.Layer):
    """Crops a map to the height and width of another map, below and on the right.

    Takes [map, reference], both (N, H, W, C). The reference may not be larger than the map.
    """

    def call(self, inputs: Any) -> Any:
        x, reference = inputs
        _, height, width, _ = keras.ops.shape(reference)
        return x[:, :height, :width, :]

    def compute_output_shape(self, input_shape: Any) -> Any:
        x, reference = input_shape
        return (x[0], *reference[1:3], x[3])
