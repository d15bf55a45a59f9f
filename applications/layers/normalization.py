"""Local response normalisation."""

from __future__ import annotations

from typing import Any

import keras

from kerascnn.lazy import tf


@keras.saving.register_keras_serializable("kerascnn")
class LocalResponseNormalization(keras.layers.Layer):
    """Divides every value by a power of the energy in the neighbouring channels.

    y = x / (bias + alpha * sum of squares over 2 * radius + 1 channels) ** beta
    (Krizhevsky, Sutskever, Hinton 2012, "ImageNet classification with deep convolutional neural
    networks", section 3.3). The window is cut off at the first and last channel.

    Args:
        radius: half of the window, n // 2 of the paper.
        bias: k of the paper.
        alpha: of the paper; not divided by the window, as PyTorch's and Caffe's is.
        beta: of the paper.
    """

    def __init__(
        self,
        radius: int = 2,
        bias: float = 2.0,
        alpha: float = 1e-4,
        beta: float = 0.75,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.radius, self.bias, self.alpha, self.beta = radius, bias, alpha, beta

    def call(self, inputs: Any) -> Any:
        if keras.config.backend() == "tensorflow" and inputs.dtype != tf.bfloat16:
            # One operator, which tf2onnx knows as ONNX's LRN; it has no bfloat16 kernel.
            return tf.nn.local_response_normalization(
                inputs, self.radius, self.bias, self.alpha, self.beta
            )
        ops = keras.ops
        squares = ops.pad(ops.square(inputs), [[0, 0], [0, 0], [0, 0], [self.radius, self.radius]])
        channels = inputs.shape[-1]
        energy = sum(squares[..., i : i + channels] for i in range(2 * self.radius + 1))
        return inputs * ops.power(self.bias + self.alpha * energy, -self.beta)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        own = {"radius": self.radius, "bias": self.bias, "alpha": self.alpha, "beta": self.beta}
        return {**super().get_config(), **own}
