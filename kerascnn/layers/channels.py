"""The channel shuffle and the channel split of ShuffleNet.

Each has two forms with equal values. Training uses the form with the faster gradient: the other
form makes a training step of ShuffleNetV2 on a CPU slower by a tenth (shuffle) or a seventh
(split). Inference and export use the form that becomes an ONNX graph without Transposes; the first
form leaves three. A third form of the shuffle, strided slices and a concatenation, has none either,
but a training step takes three times as long.
"""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable("kerascnn")
class ChannelShuffle(keras.layers.Layer):
    """Distributes the channels of every group over all groups (Zhang 2017, arXiv:1707.01083).

    The channels are written as a (groups, n) matrix, which is transposed and flattened again.

    Args:
        groups: number of groups, a divisor of the number of channels.
    """

    def __init__(self, groups: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.groups = groups

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        ops, size = keras.ops, inputs.shape[-1] // self.groups
        if training:
            x = ops.reshape(inputs, (-1, self.groups, size))
            return ops.reshape(ops.transpose(x, (0, 2, 1)), ops.shape(inputs))
        order = [group * size + index for index in range(size) for group in range(self.groups)]
        x = ops.take(ops.transpose(inputs, (0, 3, 1, 2)), order, axis=1)
        return ops.transpose(x, (0, 2, 3, 1))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "groups": self.groups}


@keras.saving.register_keras_serializable("kerascnn")
class ChannelSlice(keras.layers.Layer):
    """Returns one of several equal parts of the channels.

    Args:
        part: index of the part, from 0.
        parts: number of parts, a divisor of the number of channels.
    """

    def __init__(self, part: int, parts: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.part, self.parts = part, parts

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        if training:
            return keras.ops.split(inputs, self.parts, axis=-1)[self.part]
        size = inputs.shape[-1] // self.parts
        return inputs[..., self.part * size : (self.part + 1) * size]

    def compute_output_shape(self, input_shape: Any) -> Any:
        return *input_shape[:-1], input_shape[-1] // self.parts

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "part": self.part, "parts": self.parts}
