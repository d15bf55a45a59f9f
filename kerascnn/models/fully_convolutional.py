"""Converts a classifier into a fully convolutional one, which takes images of any size.

Simonyan and Zisserman 2014, arXiv:1409.1556, section 3.2: the dense layers become convolutions over
the map before the Flatten layer, and the resulting map of class scores is averaged over all
positions. LeCun et al. 1998 call such a network a space displacement neural network.
"""

from __future__ import annotations

from typing import Any

from kerascnn.lazy import keras, np, tf
from kerascnn.models.scores import log_probabilities
from kerascnn.models.signature import ends_in_softmax, forward, image_shape

TOLERANCE = 1e-3
"""Largest difference of log-probabilities between a model and its copy at the model's own size."""


def fully_convolutional(model: keras.Model) -> keras.Model | None:
    """Returns a copy of a classifier for images of any size, or None if that is impossible.

    Args:
        model: with one image input and one row of class scores as output; a softmax can only be the
            activation of the last layer.

    Returns:
        A model that returns the scores before the softmax, averaged over all positions. At the
        original image size they equal the original scores. `model` itself if it takes any size.
        None if a layer needs the original size (a head with other layers than dense ones, a fixed
        reshape), or if the copy's scores differ from the original's.
    """
    height, width, channels = image_shape(model)
    if height is None or width is None:
        return model
    try:
        copy = _copy(model, channels)
    except (ValueError, TypeError, AttributeError, NotImplementedError):
        return None  # Keras raises one of these for a layer that it cannot copy for another input
    random = np.random.default_rng(0)
    images = random.normal(size=(2, height, width, channels)).astype(np.float32)
    expected = forward(model, before_softmax=True)(images)
    try:
        actual = forward(copy)(images)
        forward(copy)(np.zeros((1, 2 * height, 2 * width, channels), np.float32))
    except (ValueError, tf.errors.OpError):  # a layer reshapes to a fixed size
        return None
    if actual.shape != expected.shape:
        return None
    actual, expected = (log_probabilities(scores, logits=True) for scores in (actual, expected))
    return copy if np.allclose(actual, expected, rtol=TOLERANCE, atol=TOLERANCE) else None


def _copy(model: keras.Model, channels: int) -> keras.Model:
    """Returns the copy for images of any size, with the weights of `model`."""
    convolved = _dense_after_flatten(model)
    last = model.layers[-1]

    def clone(layer: Any) -> Any:
        config = layer.get_config()
        if layer is last and ends_in_softmax(model):
            config["activation"] = "linear"
        if layer.name not in convolved:
            return type(layer).from_config(config)
        return keras.layers.Conv2D(
            config["units"],
            convolved[layer.name],
            activation=config["activation"],
            use_bias=config["use_bias"],
            dtype=config["dtype"],
            name=layer.name,
        )

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        if convolved and isinstance(layer, keras.layers.Flatten):
            return args[0]
        return layer(*args, **kwargs)

    image = keras.Input((None, None, channels), name="image")
    body = keras.models.clone_model(
        model, input_tensors=image, clone_function=clone, call_function=call
    )
    output = body.outputs[0]
    if len(output.shape) == 4:
        output = keras.layers.GlobalAveragePooling2D(name="places", dtype="float32")(output)
    copy = keras.Model(body.inputs[0], output, name=model.name)
    for layer in model.layers:
        if layer.weights:
            weights = layer.get_weights()
            if layer.name in convolved:
                kernel, *bias = weights
                shape = (*convolved[layer.name], -1, kernel.shape[-1])
                weights = [kernel.reshape(shape), *bias]
            copy.get_layer(layer.name).set_weights(weights)
    return copy


def _dense_after_flatten(model: keras.Model) -> dict[str, tuple[int, int]]:
    """Returns the kernel size for each dense layer of the head, by the layer's name.

    The first dense layer after the Flatten layer covers the whole map, later ones 1 x 1. Empty for
    a head that does not flatten a map.
    """
    dense: list[str] = []
    for layer in reversed(model.layers):
        if isinstance(layer, keras.layers.Dense):
            dense.insert(0, layer.name)
        elif isinstance(layer, keras.layers.Flatten) and dense:
            _, height, width, _ = layer.input.shape
            return dict.fromkeys(dense, (1, 1)) | {dense[0]: (height, width)}
        elif not isinstance(layer, keras.layers.Dropout | keras.layers.Activation):
            break
    return {}
