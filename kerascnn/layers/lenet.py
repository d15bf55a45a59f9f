"""Layers of the original LeNet-5 that later networks do not have.

LeCun, Bottou, Bengio, Haffner 1998, "Gradient-based learning applied to document recognition",
Proceedings of the IEEE 86(11), section II.B.
"""

from __future__ import annotations

from typing import Any

import keras

from kerascnn.lazy import np


def fan_in_uniform(fan_in: int) -> keras.initializers.Initializer:
    """Returns the initializer uniform in ±2.4 / fan-in (appendix A).

    Args:
        fan_in: number of inputs of a unit.
    """
    return keras.initializers.RandomUniform(-2.4 / fan_in, 2.4 / fan_in)


@keras.saving.register_keras_serializable("kerascnn")
class ScaledTanh(keras.layers.Layer):
    """1.7159 tanh(2x/3), the paper's activation, which is ±1 at ±1 (appendix A)."""

    def call(self, inputs: Any) -> Any:
        return 1.7159 * keras.ops.tanh(inputs * (2 / 3))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape


@keras.saving.register_keras_serializable("kerascnn")
class TrainableSubsampling(keras.layers.Layer):
    """Sums each 2x2 square, multiplies by a coefficient and adds a bias.

    (N, H, W, C) -> (N, H // 2, W // 2, C). Each channel has one trainable coefficient and bias.
    """

    def build(self, input_shape: Any) -> None:
        maps = input_shape[-1]
        self.coefficient = self.add_weight(
            name="coefficient", shape=(maps,), initializer=fan_in_uniform(4)
        )
        self.bias = self.add_weight(name="bias", shape=(maps,), initializer="zeros")

    def call(self, inputs: Any) -> Any:
        total = 4.0 * keras.ops.average_pool(
            inputs, 2, 2, padding="valid", data_format="channels_last"
        )
        return total * self.coefficient + self.bias

    def compute_output_shape(self, input_shape: Any) -> Any:
        batch, height, width, maps = input_shape
        return batch, height and height // 2, width and width // 2, maps


@keras.saving.register_keras_serializable("kerascnn")
class TableConv2D(keras.layers.Layer):
    """A convolution whose output maps depend on only some of the input maps (the paper's Table I).

    Padding is "valid". Only connections of the table have weights: the kernel has the shape
    (kernel_size ** 2, number of connections).

    Args:
        table: for each output map, the indices of the input maps that it depends on.
        kernel_size: side of the square filters.
    """

    def __init__(self, table: Any, kernel_size: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.table = tuple(tuple(maps) for maps in table)
        self.kernel_size = kernel_size

    def build(self, input_shape: Any) -> None:
        inputs, outputs = input_shape[-1], len(self.table)
        pairs = [(i, o) for o, maps in enumerate(self.table) for i in maps]
        placement = np.zeros((len(pairs), inputs * outputs), "float32")
        for row, (i, o) in enumerate(pairs):
            placement[row, i * outputs + o] = 1.0
        self.placement = placement
        area = self.kernel_size**2
        # The mean, since output maps depend on 3, 4 or 6 input maps.
        fan_in = area * len(pairs) // outputs
        self.kernel = self.add_weight(
            name="kernel", shape=(area, len(pairs)), initializer=fan_in_uniform(fan_in)
        )
        self.bias = self.add_weight(name="bias", shape=(outputs,), initializer="zeros")

    def call(self, inputs: Any) -> Any:
        ops, size = keras.ops, self.kernel_size
        placement = ops.cast(self.placement, self.compute_dtype)
        kernel = ops.reshape(
            ops.matmul(self.kernel, placement), (size, size, inputs.shape[-1], len(self.table))
        )
        return ops.conv(inputs, kernel, 1, "valid", data_format="channels_last") + self.bias

    def compute_output_shape(self, input_shape: Any) -> Any:
        batch, height, width, _ = input_shape
        border = self.kernel_size - 1
        return batch, height and height - border, width and width - border, len(self.table)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "table": self.table, "kernel_size": self.kernel_size}


@keras.saving.register_keras_serializable("kerascnn")
class RadialBasis(keras.layers.Layer):
    """Radial basis functions: returns minus the squared distance to the fixed centre of each class.

    (N, D) -> (N, classes). With this sign, the nearest centre has the largest value, and the
    cross-entropy of the softmax is the paper's equation (9) without its constant j. With `j`, the
    layer adds the missing term to the training loss, which needs no label: the mean of
    log(1 + e^-j / sum of e^-distance). It keeps the distances to all centres from becoming large.

    Args:
        centres: the D values of each class.
        j: squared distance, > 0, of an additional class for images of no class; None for no such
            class.
    """

    def __init__(self, centres: Any, j: float | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.centres = [list(code) for code in centres]
        self.j = j

    def build(self, input_shape: Any) -> None:
        codes = np.asarray(self.centres, "float32").T
        self.codes = self.add_weight(
            name="codes",
            shape=codes.shape,
            initializer=lambda shape, dtype=None: keras.ops.cast(codes, dtype or "float32"),
            trainable=False,
        )

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        difference = keras.ops.expand_dims(inputs, -1) - self.codes
        scores = -keras.ops.sum(keras.ops.square(difference), axis=1)
        if training and self.j is not None:
            excess = -self.j - keras.ops.logsumexp(scores, axis=-1)
            self.add_loss(keras.ops.mean(keras.ops.softplus(excess)))
        return scores

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape[0], len(self.centres)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "centres": self.centres, "j": self.j}
