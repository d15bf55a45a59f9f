"""Hard sigmoid and GELU in forms that ONNX takes as they are; values and gradients are Keras's.

Hard swish needs none: beside this hard sigmoid, the stock layer leaves no Transposes.
"""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable("kerascnn")
class HardSigmoid(keras.layers.Layer):
    """ReLU6(x + 3) / 6 (Howard 2019, arXiv:1905.02244, section 5.2)."""

    def call(self, inputs: Any) -> Any:
        # tf2onnx carries a change of layout past the addition of a vector, not of a scalar: with a
        # plain `x + 3` as a gate MobileNetV3-small keeps a hundred Transposes.
        three = keras.ops.full((inputs.shape[-1],), 3.0, dtype=inputs.dtype)
        return keras.ops.relu6(inputs + three) * (1 / 6)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape


@keras.saving.register_keras_serializable("kerascnn")
class ExactGelu(keras.layers.Layer):
    """x (1 + erf(x / sqrt 2)) / 2 (Hendrycks 2016, arXiv:1606.08415).

    TensorFlow's own operator uses erfc, which ONNX does not have.
    """

    def call(self, inputs: Any) -> Any:
        return 0.5 * inputs * (1.0 + keras.ops.erf(inputs * 0.5**0.5))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape
