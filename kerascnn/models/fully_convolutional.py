"""A network made fully convolutional, so that it sees images of any size.

Simonyan and Zisserman 2014, arXiv:1409.1556, section 3.2: dense layers become convolutions over
what they were flattened from, and the class scores are averaged over the map that results. LeCun et
al. 1998 called such a network a space displacement neural network.
"""

from __future__ import annotations

from typing import Any

from kerascnn.lazy import keras, np, tf
from kerascnn.models.scores import log_probabilities
from kerascnn.models.signature import ends_in_softmax, forward, image_shape

TOLERANCE = 1e-3
"""Of probabilities' logarithms, between the network and its copy at the network's own size."""


def fully_convolutional(model: keras.Model) -> keras.Model | None:
    """Returns a copy of a network for images of any size, or None where it has none.

    Args:
        model: with one image input and one row of class scores; a softmax must be its last layer's.

    Returns:
        Gives the scores before the softmax, averaged over all places; at the network's own size
        they are the network's. None where a layer needs that size (another head than dense layers,
        a fixed reshape), or a copy differs.
    """
    height, width, channels = image_shape(model)
    if height is None or width is None:
        return model
    try:
        made = _copy(model, channels)
    except (ValueError, TypeError, AttributeError, NotImplementedError):
        return None  # Keras's ways to say that a layer cannot be made again for another input
    draw = np.random.default_rng(0)
    images = draw.normal(size=(2, height, width, channels)).astype(np.float32)
    theirs = forward(model, before_softmax=True)(images)
    try:
        ours = forward(made)(images)
        forward(made)(np.zeros((1, 2 * height, 2 * width, channels), np.float32))
    except (ValueError, tf.errors.OpError):  # a reshape to a size of its own
        return None
    if ours.shape != theirs.shape:
        return None
    mine, wanted = (log_probabilities(scores, logits=True) for scores in (ours, theirs))
    return made if np.allclose(mine, wanted, rtol=TOLERANCE, atol=TOLERANCE) else None


def _copy(model: keras.Model, channels: int) -> keras.Model:
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
    made = keras.Model(body.inputs[0], output, name=model.name)
    for layer in model.layers:
        if layer.weights:
            weights = layer.get_weights()
            if layer.name in convolved:
                kernel, *bias = weights
                shape = (*convolved[layer.name], -1, kernel.shape[-1])
                weights = [kernel.reshape(shape), *bias]
            made.get_layer(layer.name).set_weights(weights)
    return made


def _dense_after_flatten(model: keras.Model) -> dict[str, tuple[int, int]]:
    """Returns the window of each dense layer of a head that flattens a map; {} for other heads."""
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
