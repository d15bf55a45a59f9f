"""Hard sigmoid, hard swish and GELU in forms that leave an ONNX graph as it should be.

Their values and gradients are those of `keras.activations`.
"""

from __future__ import annotations

from typing import Any

import keras


def _hard_gate(x: Any) -> Any:
    # tf2onnx carries a change of layout past the addition of a vector, not of a scalar: with a
    # plain `x + 3` MobileNetV3-small keeps a hundred Transposes.
    three = keras.ops.full((x.shape[-1],), 3.0, dtype=x.dtype)
    return keras.ops.relu6(x + three) * (1 / 6)


@keras.saving.register_keras_serializable("kerascnn")
class HardSigmoid(keras.layers.Layer):
    """ReLU6(x + 3) / 6 (Howard 2019, arXiv:1905.02244, section 5.2)."""

    def call(self, inputs: Any) -> Any:
        return _hard_gate(inputs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape


@keras.saving.register_keras_serializable("kerascnn")
class HardSwish(keras.layers.Layer):
    """x ReLU6(x + 3) / 6 (Howard 2019, arXiv:1905.02244, section 5.2)."""

    def call(self, inputs: Any) -> Any:
        return inputs * _hard_gate(inputs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape


@keras.saving.register_keras_serializable("kerascnn")
class Gelu(keras.layers.Layer):
    """x (1 + erf(x / sqrt 2)) / 2 (Hendrycks 2016, arXiv:1606.08415), the exact form.

    TensorFlow's own operator uses erfc, which ONNX does not have.
    """

    def call(self, inputs: Any) -> Any:
        return 0.5 * inputs * (1.0 + keras.ops.erf(inputs * 0.5**0.5))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape
