"""Hard sigmoid and GELU in forms that ONNX can express; values and gradients equal Keras's.

Hard swish needs no such form: with this hard sigmoid, Keras's own layer is exported well.
"""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable("kerascnn")
class HardSigmoid(keras.layers.Layer):
    """Hard sigmoid: ReLU6(x + 3) / 6 (Howard 2019, arXiv:1905.02244, section 5.2)."""

    def call(self, inputs: Any) -> Any:
        # A vector, since tf2onnx cannot move a Transpose past the addition of a scalar: with
        # `x + 3`, an exported MobileNetV3-small has a hundred Transposes.
        three = keras.ops.full((inputs.shape[-1],), 3.0, dtype=inputs.dtype)
        return keras.ops.relu6(inputs + three) * (1 / 6)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape


@keras.saving.register_keras_serializable("kerascnn")
class ExactGelu(keras.layers.Layer):
    """GELU: x (1 + erf(x / sqrt 2)) / 2 (Hendrycks 2016, arXiv:1606.08415).

    TensorFlow's own operator uses erfc, which ONNX does not have.
    """

    def call(self, inputs: Any) -> Any:
        return 0.5 * inputs * (1.0 + keras.ops.erf(inputs * 0.5**0.5))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape
