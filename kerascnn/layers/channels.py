"""Moving channels about: the shuffle and the split of ShuffleNet.

Each has two forms of equal values. Training takes the one with the quick gradient; the other's
would cost ShuffleNetV2 a tenth (shuffle) and a seventh (split) of its step on a CPU. Otherwise, and
so in an export, stands the one that leaves an ONNX graph without Transposes, of which the first
form leaves three. A shuffle as strided slices and a concatenation leaves none either, but takes
three times the step.
"""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable("kerascnn")
class ChannelShuffle(keras.layers.Layer):
    """Deals the channels of every group out over all groups (Zhang 2017, arXiv:1707.01083).

    Channels as a (groups, n) matrix, transposed and read row by row again.

    Args:
        groups: number of groups, dividing the channels.
    """

    def __init__(self, groups: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.groups = groups

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        ops, size = keras.ops, inputs.shape[-1] // self.groups
        if training:
            x = ops.reshape(inputs, (-1, self.groups, size))
            return ops.reshape(ops.transpose(x, (0, 2, 1)), ops.shape(inputs))
        order = [group * size + place for place in range(size) for group in range(self.groups)]
        x = ops.take(ops.transpose(inputs, (0, 3, 1, 2)), order, axis=1)
        return ops.transpose(x, (0, 2, 3, 1))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "groups": self.groups}


@keras.saving.register_keras_serializable("kerascnn")
class ChannelSlice(keras.layers.Layer):
    """One of the equal parts that the channels are cut into.

    Args:
        part: which, from 0.
        parts: into how many, dividing the channels.
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
