"""Models of `kerascnn.keras_applications` beside Keras's, with equal weights."""

from __future__ import annotations

import re
from typing import Any

import keras
import numpy as np

from kerascnn import keras_applications

# Of each kind of network the smallest; the others have the same rules.
SMALL = (
    "VGG16", "ResNet50", "ResNet50V2", "InceptionV3", "DenseNet121", "MobileNet", "MobileNetV2",
    "MobileNetV3Small", "MobileNetV3Large", "NASNetMobile", "EfficientNetB0",
)  # fmt: skip
LARGE = (
    "VGG19", "ResNet101", "ResNet152", "ResNet101V2", "ResNet152V2", "InceptionResNetV2",
    "DenseNet169", "DenseNet201", "NASNetLarge", *(f"EfficientNetB{n}" for n in range(1, 8)),
)  # fmt: skip
NUMBERED = re.compile(
    r"(activation|add|average_pooling2d|batch_normalization|concatenate|conv2d|cropping2d"
    r"|custom_scale_layer|dropout|flatten|global_(average|max)_pooling2d|input_layer"
    r"|max_pooling2d|normalization|re_lu|rescaling|zero_padding2d)(_\d+)?"
)
"""The names that Keras gives to layers without a name."""


def side(builder: str) -> int:
    """Returns the side of a small image that a network accepts."""
    return 75 if builder.startswith("Inception") else 64


def twins(builder: str, **arguments: Any) -> tuple[keras.Model, keras.Model]:
    """Returns Keras's model and ours, both in a session that is new to Keras's numbers."""
    arguments = {"weights": None, **arguments}
    models = []
    for library in (keras.applications, keras_applications):
        keras.backend.clear_session()
        models.append(getattr(library, builder)(**arguments))
    return models[0], models[1]


def randomize(model: keras.Model, *copies: keras.Model) -> None:
    """Sets all biases and statistics to other values than the initial ones; copies the weights."""
    rng = np.random.default_rng(0)
    for variable in model.weights:
        if len(variable.shape) == 1:
            noise = rng.uniform(0.5, 1.5, variable.shape)
            variable.assign(noise if "variance" in variable.path else noise - 1)
    for copy in copies:
        copy.set_weights(model.get_weights())
    for layer in [layer for each in (model, *copies) for layer in each.layers]:
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()


def images(model: keras.Model, count: int = 2) -> np.ndarray:
    """Returns random pixels from 0 to 255, or from -1 to 1 for a model that does not scale them."""
    rng = np.random.default_rng(1)
    size = [64 if length is None else length for length in model.input_shape[1:]]
    pixels = rng.uniform(0, 255, (count, *size)).astype(np.float32)
    scales = any(isinstance(layer, keras.layers.Rescaling) for layer in model.layers[:3])
    return pixels if scales else pixels / 127.5 - 1


def named_outputs(model: keras.Model, names: list[str]) -> list[np.ndarray]:
    """Returns the outputs of some layers for `images`."""
    outputs = [model.get_layer(name).output for name in names]
    batch = images(model)
    results = keras.Model(model.inputs[0], outputs)(batch, training=False)
    return [np.asarray(result) for result in results]
