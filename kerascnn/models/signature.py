"""The two ends of a model: the image that it takes and the classes that it gives."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from kerascnn.errors import MismatchError
from kerascnn.imaging.preprocessing import Preprocessing
from kerascnn.lazy import keras, np, tf
from kerascnn.models.registry import model_info
from kerascnn.models.request import ImageShape, provenance


def image_shape(model: keras.Model) -> ImageShape:
    """Returns (height, width, channels) of the model's input; None where any size is taken.

    Raises:
        MismatchError: the model does not take one batch of images.
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
    """Returns the number of classes that the model tells apart.

    Raises:
        MismatchError: the model does not give one row of class scores for an image.
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
    return int(outputs[0].shape[-1])


def check_classes(model: keras.Model, class_names: tuple[str, ...], source: str) -> None:
    """Raises MismatchError unless the model has one output for each class of the data."""
    outputs = class_count(model)
    if outputs != len(class_names):
        raise MismatchError(
            f"{model.name} has {outputs} outputs, but {source} has {len(class_names)} classes; "
            f"build the model with classes={len(class_names)}"
        )


def gives_logits(model: keras.Model) -> bool:
    """Returns whether the scores still need a softmax; told by the activation of the last layer."""
    last = model.layers[-1]
    if isinstance(last, keras.layers.Softmax):
        return False
    activation = getattr(last, "activation", keras.activations.linear)
    return activation is keras.activations.linear


def adopt(
    model: keras.Model,
    preprocessing: Preprocessing | None = None,
    class_names: Sequence[str] | None = None,
) -> None:
    """Notes what the weights that a model has taken say of its two ends."""
    if preprocessing is not None:
        model.kerascnn_preprocessing = preprocessing
    if class_names is not None:
        model.kerascnn_class_names = tuple(class_names)


def adopted_preprocessing(model: keras.Model) -> Preprocessing | None:
    """Returns how images have to be prepared for the model's weights, where these said it."""
    found = getattr(model, "kerascnn_preprocessing", None)
    return found if isinstance(found, Preprocessing) else None


def adopted_class_names(model: keras.Model) -> tuple[str, ...] | None:
    """Returns the classes that the model's weights name, if it still tells just these apart."""
    found = getattr(model, "kerascnn_class_names", None)
    return found if isinstance(found, tuple) and len(found) == class_count(model) else None


def preprocessing_for(model: keras.Model, data_shape: ImageShape) -> Preprocessing:
    """Returns how images of `data_shape` get into the model: as its weights, or else its row, need.

    Raises:
        MismatchError: the channels cannot be converted.
    """
    origin = provenance(model)
    base = adopted_preprocessing(model)
    if origin is not None:
        base = base or model_info(origin.name).preprocessing
        if origin.arguments.get("include_preprocessing"):
            base = replace(base, scale=1.0, mean=(0.0,), std=(1.0,))  # the model does that itself
    return Preprocessing.for_data(data_shape, image_shape(model), base)


def ends_in_softmax(model: keras.Model) -> bool:
    """Returns whether the last layer turns scores into probabilities that can be had before it."""
    return getattr(model.layers[-1], "activation", None) is keras.activations.softmax


@contextlib.contextmanager
def _without_softmax(model: keras.Model) -> Iterator[None]:
    """Takes the softmax off the last layer for as long as a function of it is traced."""
    last = model.layers[-1]
    kept, last.activation = last.activation, keras.activations.linear
    try:
        yield
    finally:
        last.activation = kept


_FORWARD: weakref.WeakKeyDictionary[keras.Model, dict[bool, Callable[..., Any]]] = (
    weakref.WeakKeyDictionary()
)


def forward(model: keras.Model, *, before_softmax: bool = False) -> Callable[[Any], np.ndarray]:
    """Returns a function from a float32 batch to the model's scores, compiled once for each model.

    For one image it takes about half the time of `keras.Model.predict`, which sets up a data
    pipeline for every call.

    Args:
        model: takes one batch of images.
        before_softmax: give what a softmax in the last layer is taken of, where there is one: from
            it the loss is exact, however sure the network is.
    """
    cut = before_softmax and ends_in_softmax(model)
    made = _FORWARD.setdefault(model, {})
    if cut not in made:
        # Holding the model weakly lets it be freed, and with it this entry.
        reference = weakref.ref(model)
        signature = tf.TensorSpec((None, *image_shape(model)), tf.float32)

        @tf.function(input_signature=[signature], autograph=False)
        def compiled(batch: tf.Tensor) -> tf.Tensor:
            alive = reference()
            assert alive is not None  # the caller of `forward` holds it
            with _without_softmax(alive) if cut else contextlib.nullcontext():
                return tf.cast(alive(batch, training=False), tf.float32)

        made[cut] = compiled
    function = made[cut]
    return lambda batch: function(batch).numpy()
