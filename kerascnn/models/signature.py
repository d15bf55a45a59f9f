"""The input and output of a classifier: image shape, classes, preprocessing, forward function."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable, Iterator
from typing import Any

from kerascnn.errors import MismatchError
from kerascnn.imaging.preprocessing import Preprocessing
from kerascnn.lazy import keras, np, tf
from kerascnn.models.adopted import unscaled, weights_preprocessing
from kerascnn.models.provenance import provenance
from kerascnn.models.registry import model_info
from kerascnn.models.request import ImageShape


def image_shape(model: keras.Model) -> ImageShape:
    """Returns (height, width, channels) of the model's input.

    Height and width are None if the model accepts any size.

    Raises:
        MismatchError: the model's input is not one batch of images.
    """
    inputs = getattr(model, "inputs", None) or []
    if len(inputs) != 1 or len(inputs[0].shape) != 4 or inputs[0].shape[-1] is None:
        shapes = [tuple(tensor.shape) for tensor in inputs]
        raise MismatchError(
            f"{model.name} takes inputs of shape {shapes}; it must take one batch of images "
            "(None, height, width, channels)"
        )
    _, height, width, channels = inputs[0].shape
    return height, width, channels


def class_count(model: keras.Model) -> int:
    """Returns the number of classes of a classifier.

    Raises:
        MismatchError: the model's output is not one row of class scores for each image, or is the
            softmax of a single score.
    """
    outputs = getattr(model, "outputs", None) or []
    if len(outputs) != 1 or len(outputs[0].shape) != 2 or outputs[0].shape[-1] is None:
        shapes = [tuple(tensor.shape) for tensor in outputs]
        advice = "build it with its classifier (include_top=True)"
        if len(outputs) > 1:
            advice = "build it without auxiliary classifiers, or call its own fit with them"
        raise MismatchError(
            f"{model.name} gives outputs of shape {shapes}; it must give one row of class scores "
            f"(None, classes): {advice}"
        )
    refuse_softmax_of_one(model)
    return int(outputs[0].shape[-1])


def refuse_softmax_of_one(model: keras.Model) -> None:
    """Raises MismatchError if the model's output is the softmax of a single score."""
    softmax = ends_in_softmax(model) or isinstance(model.layers[-1], keras.layers.Softmax)
    if softmax and model.outputs[0].shape[-1] == 1:
        raise softmax_of_one(model.name)


def softmax_of_one(name: str) -> MismatchError:
    """Returns the error for a model, called `name` in it, that takes a softmax of one score."""
    return MismatchError(
        f"{name} ends in a softmax over one class, which is 1 for every image; build it with "
        "classes=2, or with a sigmoid as the last activation"
    )


def check_classes(model: keras.Model, class_names: tuple[str, ...], source: str) -> None:
    """Raises MismatchError unless the model has one output for each class of the data."""
    outputs = class_count(model)
    if outputs != len(class_names):
        raise MismatchError(
            f"{model.name} has {outputs} outputs, but {source} has {len(class_names)} classes; "
            f"build the model with classes={len(class_names)}"
        )


def gives_logits(model: keras.Model) -> bool:
    """Returns whether the last layer is linear, so that the scores still need a softmax."""
    last = model.layers[-1]
    if isinstance(last, keras.layers.Softmax):
        return False
    activation = getattr(last, "activation", keras.activations.linear)
    return activation is keras.activations.linear


def preprocessing_for(model: keras.Model, data_shape: ImageShape) -> Preprocessing:
    """Returns the preprocessing with which to train the model on images of `data_shape`.

    It is based on the preprocessing of the model's weights; if that is not known, on that of the
    model's row in the registry.

    Raises:
        MismatchError: the channels cannot be converted.
    """
    known = weights_preprocessing(model)
    origin = provenance(model)
    base = None if known is None else known.preprocessing
    if base is None and origin is not None:
        base = model_info(origin.name).preprocessing
        if origin.arguments.get("include_preprocessing"):
            base = unscaled(base)
    return Preprocessing.for_data(data_shape, image_shape(model), base)


def ends_in_softmax(model: keras.Model) -> bool:
    """Returns whether the activation of the last layer is a softmax, which can be removed."""
    return getattr(model.layers[-1], "activation", None) is keras.activations.softmax


@contextlib.contextmanager
def _without_softmax(model: keras.Model) -> Iterator[None]:
    """Removes the softmax of the last layer inside the context, where a function is traced."""
    last = model.layers[-1]
    softmax, last.activation = last.activation, keras.activations.linear
    try:
        yield
    finally:
        last.activation = softmax


_FORWARD: weakref.WeakKeyDictionary[keras.Model, dict[bool, Callable[..., Any]]] = (
    weakref.WeakKeyDictionary()
)


def forward(model: keras.Model, *, before_softmax: bool = False) -> Callable[[Any], np.ndarray]:
    """Returns a compiled function from a float32 batch of images to the model's scores.

    It is compiled once for each model. For one image it takes about half the time of
    `keras.Model.predict`, which sets up a data pipeline for every call.

    Args:
        model: its input is one batch of images.
        before_softmax: return the logits if the last layer has a softmax. A loss of logits is exact
            even where probabilities round to 0 or 1.
    """
    cut = before_softmax and ends_in_softmax(model)
    compiled_functions = _FORWARD.setdefault(model, {})
    if cut not in compiled_functions:
        # A weak reference, so that the model can be freed; its entry in _FORWARD then goes too.
        reference = weakref.ref(model)
        signature = tf.TensorSpec((None, *image_shape(model)), tf.float32)

        @tf.function(input_signature=[signature], autograph=False)
        def compiled(batch: tf.Tensor) -> tf.Tensor:
            network = reference()
            assert network is not None  # the caller of `forward` holds the model
            with _without_softmax(network) if cut else contextlib.nullcontext():
                return tf.cast(network(batch, training=False), tf.float32)

        compiled_functions[cut] = compiled
    function = compiled_functions[cut]
    return lambda batch: function(batch).numpy()
