"""What a network that looks at a board adds."""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable("kerascnn")
class PositionBias(keras.layers.Layer):
    """Adds a bias of its own to every position of a map: (N, H, W, C), with H * W * C weights."""

    def build(self, input_shape: Any) -> None:
        self.bias = self.add_weight(name="bias", shape=input_shape[1:], initializer="zeros")

    def call(self, inputs: Any) -> Any:
        return inputs + self.bias

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape
