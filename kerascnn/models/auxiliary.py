"""Models with auxiliary classifiers: names of their outputs, and other forms of such models."""

from __future__ import annotations

from typing import Any

from kerascnn.errors import MismatchError
from kerascnn.lazy import keras
from kerascnn.models.identity import layer_prefix, record_of, store

MAIN = "predictions"
"""Name of the output of the main classifier."""
AUXILIARY = ("aux1", "aux2")
"""Names of the outputs of the auxiliary classifiers."""


def output_names(model: keras.Model) -> tuple[str, ...]:
    """Returns the names of the model's outputs, without the prefix of its layers."""
    prefix = layer_prefix(model)
    return tuple(name.removeprefix(prefix) for name in model.output_names)


def auxiliary_outputs(model: keras.Model) -> tuple[str, ...]:
    """Returns the names of the model's auxiliary classifiers, () for a model with one output.

    Raises:
        MismatchError: there are several outputs, and they are not "predictions", "aux1" and "aux2".
    """
    if len(model.outputs) == 1:
        return ()
    names = output_names(model)
    if MAIN not in names or not set(names) <= {MAIN, *AUXILIARY}:
        raise MismatchError(
            f"{model.name} has the outputs {', '.join(names)}; a model with several outputs must "
            f"call them {MAIN!r} and {' or '.join(map(repr, AUXILIARY))}"
        )
    return tuple(name for name in names if name != MAIN)


def main_model(model: keras.Model) -> keras.Model:
    """Returns the model with its main classifier only; weights are shared with `model`.

    A model without auxiliary classifiers is returned itself.
    """
    if not auxiliary_outputs(model):
        return model
    return _sharing(model, model.outputs[output_names(model).index(MAIN)])


def with_output_list(model: keras.Model) -> keras.Model:
    """Returns the model with its outputs in a list, so that `fit` takes labels and losses as lists.

    Weights are shared with `model`. A model without auxiliary classifiers is returned itself.
    """
    if not auxiliary_outputs(model):
        return model
    return _sharing(model, list(model.outputs))


def _sharing(model: keras.Model, outputs: Any) -> keras.Model:
    """Returns a model with the layers of another; what those layers do not record is copied."""
    other = keras.Model(model.inputs, outputs, name=model.name)
    record = record_of(model)
    if record is not None and record_of(other) != record:
        store(other, record)
    return other
