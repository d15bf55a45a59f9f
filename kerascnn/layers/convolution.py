"""Convolutions on the TensorFlow operators that are fast: 1x1 ones in bfloat16, and grouped ones.

Keras 3 wraps every grouped convolution on TensorFlow in an XLA-compiled function, since the plain
operator once had no CPU kernel (keras-team/keras#18180). With oneDNN it has one: it trains hundreds
of times faster there, and exports to ONNX as one `Conv`, where the wrapped one cannot be exported
(onnx/tensorflow-onnx#2099).
"""

from __future__ import annotations

import functools
from typing import Any

import keras

from kerascnn.lazy import tf


@functools.cache
def plain_operator_trains(dtype: str) -> bool:
    """Returns whether the plain operator has gradients of `dtype` here.

    On a CPU only oneDNN has them, and those of float16 only where the processor computes with it.
    """
    with tf.init_scope():  # which stops every tape: the gradients' operators are called by name
        x = tf.cast(tf.random.stateless_normal((1, 4, 4, 4), [1, 2]), dtype)
        kernel = tf.cast(tf.random.stateless_normal((3, 3, 2, 4), [3, 4]), dtype)
        window = {"strides": [1, 1, 1, 1], "padding": "SAME"}
        try:
            y = tf.nn.convolution(x, kernel, 1, "SAME")
            by_input = tf.raw_ops.Conv2DBackpropInput(
                input_sizes=x.shape, filter=kernel, out_backprop=y, **window
            )
            by_kernel = tf.raw_ops.Conv2DBackpropFilter(
                input=x, filter_sizes=kernel.shape, out_backprop=y, **window
            )
        except (tf.errors.UnimplementedError, tf.errors.InvalidArgumentError):
            return False
        x, kernel, y, by_input, by_kernel = (
            tf.cast(one, tf.float32) for one in (x, kernel, y, by_input, by_kernel)
        )
        apart = _split(x, kernel, 2, 1, "SAME", 1)
        wrong = tf.reduce_max(tf.abs(y - apart)) / tf.reduce_max(tf.abs(apart))
        # y is linear in both, so that both gradients of y * y / 2 along them give y * y.
        for gradient, along in (by_input, x), (by_kernel, kernel):
            wrong += tf.abs(tf.reduce_sum(gradient * along) / tf.reduce_sum(y * y) - 1)
        # What is wrong is off by far more than half precision rounds.
        return bool(wrong < (1e-4 if dtype == "float32" else 3e-2))


def _split(x: Any, kernel: Any, groups: int, strides: Any, padding: str, dilations: Any) -> Any:
    parts = zip(tf.split(x, groups, -1), tf.split(kernel, groups, -1), strict=True)
    return tf.concat(
        [tf.nn.convolution(a, b, strides, padding, dilations=dilations) for a, b in parts], -1
    )


class Conv2D(keras.layers.Conv2D):
    """`keras.layers.Conv2D` whose 1x1 kernels are a product of matrices in bfloat16 on a CPU.

    There TensorFlow's convolution takes longer than its product: a training step of ResNet-50 is
    1.1 times as fast with it (benchmarks/results/layers.md). In float32 they take the same. Equal
    values and gradients.

    A model with this layer is saved as one with Keras's own, and so loads without this package.
    Takes the arguments of `keras.layers.Conv2D`; for anything else it is that layer.
    """

    # What saves and clones asks an object for its class by this name.
    __class__ = property(lambda self: keras.layers.Conv2D)

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        product = (
            self.kernel_size == (1, 1)
            and self.compute_dtype == "bfloat16"
            and self.groups == 1
            and self.data_format == "channels_last"
            and keras.config.backend() == "tensorflow"
            and not tf.config.list_physical_devices("GPU")
        )
        if not product:
            return keras.layers.Conv2D.convolution_op(self, inputs, kernel)
        if self.strides != (1, 1):
            inputs = inputs[:, :: self.strides[0], :: self.strides[1]]
        points = tf.reshape(inputs, (-1, inputs.shape[-1]))
        outputs = tf.matmul(points, tf.reshape(kernel, kernel.shape[2:]))
        return tf.reshape(outputs, (*tf.unstack(tf.shape(inputs))[:3], self.filters))


@keras.saving.register_keras_serializable("kerascnn")
class GroupedConv2D(keras.layers.Conv2D):
    """`keras.layers.Conv2D` with groups, fast on TensorFlow; equal values and gradients.

    Takes the arguments of `keras.layers.Conv2D`, channels_last only. On other backends it is that
    layer. Where the plain operator does not train, the groups are convolved one by one.
    """

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        if keras.config.backend() != "tensorflow":
            return super().convolution_op(inputs, kernel)
        padding = self.padding.upper()
        if plain_operator_trains(self.compute_dtype):
            return tf.nn.convolution(
                inputs, kernel, self.strides, padding, dilations=self.dilation_rate
            )
        return _split(inputs, kernel, self.groups, self.strides, padding, self.dilation_rate)
