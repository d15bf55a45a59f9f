"""Rules of layers_weighted and layers_plain for layers that no family has, beside Keras."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from kerascnn import layers as own
from kerascnn.exporting.common.network import prepare
from kerascnn.exporting.onnx.writer import first_without_rule, write_graph
from support.exports import random_images_for, randomised
from support.onnx_graphs import answers_of

layers = keras.layers

OTHERS = {
    "groups": lambda x: layers.Conv2D(6, 3, groups=3)(x),
    "dilation": lambda x: layers.Conv2D(4, 3, dilation_rate=2, padding="same")(x),
    "multiplier": lambda x: layers.DepthwiseConv2D(3, depth_multiplier=2, strides=2)(x),
    "same pool": lambda x: layers.AveragePooling2D(3, 2, padding="same")(x),
    "padded mean": lambda x: layers.AveragePooling2D(3, 2)(layers.ZeroPadding2D(1)(x)),
    "crop": lambda x: layers.Cropping2D(((1, 0), (2, 1)))(x),
    "transposed": lambda x: layers.Conv2DTranspose(4, 4, strides=2, padding="same")(x),
    "transposed valid": lambda x: layers.Conv2DTranspose(4, 3, strides=2)(x),
    "dense on a map": lambda x: layers.Dense(4, activation="relu")(x),
    "leaky": lambda x: layers.LeakyReLU(0.2)(layers.Rescaling(2.0, -1.0)(x)),
    "maximum": lambda x: layers.Maximum()([x, layers.Rescaling(-1.0, 1.0)(x)]),
    "difference": lambda x: layers.Subtract()([x, layers.MaxPooling2D(3, 1, padding="same")(x)]),
    "l2": lambda x: own.L2Pooling2D(2, 2)(x),
    "sum": lambda x: own.SumPooling2D(3, 2)(x),
    "exact gelu": lambda x: own.ExactGelu()(x),
    "flatten and add": lambda x: layers.Add()(
        [layers.Flatten()(x), layers.ReLU()(layers.Flatten()(x))]
    ),
    "flatten, norm": lambda x: layers.BatchNormalization()(layers.Flatten()(x)),
    "flatten out": lambda x: layers.Softmax()(layers.Flatten()(x)),
    "global max": lambda x: layers.GlobalMaxPooling2D()(x),
    "called twice": lambda x: (lambda c: layers.Add()([c(x), c(layers.ReLU()(x))]))(
        layers.Conv2D(3, 1)
    ),
    "two of a convolution": lambda x: (
        lambda c: layers.Concatenate()([c, layers.BatchNormalization()(c)])
    )(layers.Conv2D(3, 1)(x)),
}


@pytest.mark.parametrize("what", OTHERS)
def test_other_layers_and_uses(what):
    image = keras.Input((8, 9, 3), name="image")
    model = randomised(keras.Model(image, OTHERS[what](image)))
    assert first_without_rule(model) is None
    images = random_images_for(model)
    wanted = np.asarray(model(images, training=False))
    got = answers_of(write_graph(prepare(model), 17), images)
    assert got.shape == wanted.shape
    assert np.abs(got - wanted).max() < 1e-5 * max(1, np.abs(wanted).max())
