"""The layer of networks that play board games: a bias for each position."""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable("kerascnn")
class PositionBias(keras.layers.Layer):
    """Adds a separate bias to every position and channel of a map, (N, H, W, C).

    It has H * W * C weights.
    """

    def build(self, input_shape: Any) -> None:
        self.bias = self.add_weight(name="bias", shape=input_shape[1:], initializer="zeros")

    def call(self, inputs: Any) -> Any:
        return inputs + self.bias

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape
