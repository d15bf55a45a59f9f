"""Finds the layers that tf2onnx cannot convert, before a conversion starts.

Measured with tf2onnx 1.17, opset 17, Keras 3.15, TensorFlow 2.21. The tests convert each of these
layers, and fail when tf2onnx has learned to convert one. Random augmentation layers are supported:
with training=False they do nothing (`RandomCrop` resizes and crops the centre).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from kerascnn.lazy import keras


def _normalization(layer: Any) -> bool:
    return isinstance(layer, keras.layers.Normalization)


def _exact_gelu(layer: Any) -> bool:
    # `keras.ops.gelu` on a Keras tensor becomes an operation of the graph that is not a layer.
    operation = type(layer).__name__ == "Gelu" and not getattr(layer, "approximate", True)
    return operation or getattr(layer, "activation", None) is keras.activations.gelu


def _antialiased(layer: Any) -> bool:
    return isinstance(layer, keras.layers.Resizing) and layer.antialias


def _compiled_groups(layer: Any) -> bool:
    stock = keras.layers.Conv2D.convolution_op
    grouped = getattr(layer, "groups", 1) > 1
    return grouped and getattr(type(layer), "convolution_op", None) is stock


_PROBLEMS: tuple[tuple[Callable[[Any], bool], str], ...] = (
    (
        _normalization,
        "its constants become inputs; use Rescaling(scale=1/std, offset=-mean/std)",
    ),
    (_exact_gelu, "exact GELU needs Erfc; use gelu with approximate=True"),
    (_antialiased, "antialias needs ScaleAndTranslate; use antialias=False"),
    (_compiled_groups, "Keras compiles it with XLA; use kerascnn's GroupedConv2D"),
)


def inconvertible(model: Any) -> list[str]:
    """Returns a phrase for each layer that tf2onnx cannot convert, nested models included."""
    return [
        f"{layer.name} ({type(layer).__name__}): {reason}"
        for layer in _operations(model)
        for matches, reason in _PROBLEMS
        if matches(layer)
    ]


def _operations(model: Any) -> Iterator[Any]:
    # A functional model also has operations that are not layers, such as keras.ops.gelu(x).
    for operation in getattr(model, "operations", model.layers):
        if isinstance(operation, keras.Model):
            yield from _operations(operation)
        else:
            yield operation
