"""Convolutions with faster TensorFlow operators: 1x1 ones in bfloat16, and grouped ones.

Keras 3 compiles every grouped convolution on TensorFlow with XLA, since TensorFlow's operator had
no CPU kernel (keras-team/keras#18180). With oneDNN it has one, which trains hundreds of times
faster. It also exports to ONNX as one `Conv`, while the compiled function cannot be exported
(onnx/tensorflow-onnx#2099).
"""

from __future__ import annotations

import functools
from typing import Any

import keras

from kerascnn.lazy import tf


@functools.cache
def plain_operator_trains(dtype: str) -> bool:
    """Returns whether TensorFlow's operator for grouped convolutions has gradients of `dtype` here.

    On a CPU only oneDNN has these gradients, and for float16 only on processors that support it.
    """
    with tf.init_scope():  # no gradient tape works inside, so the gradient operators are called
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
            tf.cast(tensor, tf.float32) for tensor in (x, kernel, y, by_input, by_kernel)
        )
        expected = _group_by_group(x, kernel, 2, 1, "SAME", 1)
        error = tf.reduce_max(tf.abs(y - expected)) / tf.reduce_max(tf.abs(expected))
        # y is linear in the input and in the kernel, so the gradient of y * y / 2 by one of them,
        # multiplied by it and summed, is the sum of y * y.
        for gradient, variable in (by_input, x), (by_kernel, kernel):
            error += tf.abs(tf.reduce_sum(gradient * variable) / tf.reduce_sum(y * y) - 1)
        # A wrong kernel has errors far above the rounding of half precision.
        return bool(error < (1e-4 if dtype == "float32" else 3e-2))


def _group_by_group(
    x: Any, kernel: Any, groups: int, strides: Any, padding: str, dilations: Any
) -> Any:
    """Returns a grouped convolution as one convolution for each group."""
    parts = zip(tf.split(x, groups, -1), tf.split(kernel, groups, -1), strict=True)
    return tf.concat(
        [tf.nn.convolution(a, b, strides, padding, dilations=dilations) for a, b in parts], -1
    )


class Conv2D(keras.layers.Conv2D):
    """`keras.layers.Conv2D` that computes 1x1 kernels in bfloat16 on a CPU by a matrix product.

    There, TensorFlow's matrix product is faster than its convolution: a training step of ResNet-50
    is 1.1 times as fast (benchmarks/results/layers.md). In float32 both take the same time. Values
    and gradients are equal.

    Takes the arguments of `keras.layers.Conv2D`, and in all other cases works as that layer. It is
    saved as that layer, so a saved model loads without this package.
    """

    # Keras reads this attribute to save and clone a layer.
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
    """`keras.layers.Conv2D` with groups that is fast on TensorFlow; values and gradients are equal.

    Takes the arguments of `keras.layers.Conv2D`, channels_last only. On other backends it works as
    that layer. If TensorFlow's operator has no gradient, the groups are convolved one by one.
    """

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        if keras.config.backend() != "tensorflow":
            return super().convolution_op(inputs, kernel)
        padding = self.padding.upper()
        if plain_operator_trains(self.compute_dtype):
            return tf.nn.convolution(
                inputs, kernel, self.strides, padding, dilations=self.dilation_rate
            )
        return _group_by_group(
            inputs, kernel, self.groups, self.strides, padding, self.dilation_rate
        )
