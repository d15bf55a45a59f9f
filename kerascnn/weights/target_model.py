"""The model that weights are loaded into: its expected layers, its variables and its heads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from kerascnn.errors import UsageError
from kerascnn.models.identity import layer_prefix
from kerascnn.models.planning import plan
from kerascnn.models.provenance import provenance
from kerascnn.models.registry import model_info
from kerascnn.models.request import Provenance, Request
from kerascnn.models.summary import plan_of
from kerascnn.weights.expected_shapes import Expected, expected, without_prefix

if TYPE_CHECKING:
    import keras

CLASSIFIERS = ("predictions", "aux1", "aux2")
"""Names of the layers that output the classes: the main head's, then the auxiliary heads'."""
AUXILIARY = "aux"
"""Prefix of the layer names of auxiliary heads, which are used in training only."""


@dataclass(frozen=True)
class TargetModel:
    """A model that weights are loaded into.

    Args:
        model: the Keras model.
        prefix: of the names of its layers; all names below are without it.
        layers: its layers with weights, by name.
        variables: its Keras variables, by "layer/variable".
        family: its family in the registry; None for other models.
        first_convolution: name of the convolution that reads the image; None without convolutions.
        heads: the names of each head's layers with weights, in order.
    """

    model: keras.Model
    prefix: str
    layers: dict[str, Expected]
    variables: dict[str, Any]
    family: str | None
    first_convolution: str | None
    heads: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, model: keras.Model) -> TargetModel:
        """Returns the description of a model that weights are loaded into.

        Raises:
            UsageError: the model has no variables yet, or contains other models.
        """
        prefix = layer_prefix(model)
        listed = [
            (f"{layer.name.removeprefix(prefix)}/{variable.name}", variable)
            for layer in model.layers
            for variable in layer.weights
        ]
        variables = dict(listed)
        if not variables:
            raise UsageError(f"{model.name!r} has no weights; build it first, by calling it once")
        if len(variables) != len(listed):
            raise UsageError(
                f"{model.name!r} has models inside it, whose layers cannot be told apart by name; "
                "load the weights into the inner model"
            )
        origin = provenance(model)
        layers = _expected_layers(model, origin, variables)
        convolutions = [name for name, layer in layers.items() if layer.kind.endswith("Conv2D")]
        family = None if origin is None else model_info(origin.name).family
        first = convolutions[0] if convolutions else None
        return cls(model, prefix, layers, variables, family, first, _heads(model, prefix, layers))

    def split(self, name: str) -> tuple[str, Expected, str]:
        """Returns the layer's name, the expected layer and the variable's name.

        Args:
            name: "layer/variable".
        """
        layer_name, _, variable = name.rpartition("/")
        return layer_name, self.layers[layer_name], variable

    def layers_with_head(self) -> dict[str, Expected]:
        """Returns the layers with weights of the same network built with its head.

        They tell which tensors of a file belong to a head. Empty for a model that is not of the
        registry.
        """
        origin = provenance(self.model)
        if origin is None:
            return {}
        request = Request.of(origin.arguments)
        shape = request.input_shape
        if shape is not None and None in shape[:2]:
            shape = None  # some heads need a fixed input size
        full = replace(request, include_top=True, pooling=None, input_shape=shape, prefix="")
        return expected(plan(model_info(origin.name), full))


def shapes_agree(layers: dict[str, Expected], variables: dict[str, Any]) -> bool:
    """Returns whether the expected layers have exactly these variables, with the same shapes."""
    planned = {
        f"{name}/{variable}": shape
        for name, layer in layers.items()
        for variable, shape in layer.variables.items()
    }
    return planned == {name: tuple(variable.shape) for name, variable in variables.items()}


def _expected_layers(
    model: keras.Model, origin: Provenance | None, variables: dict[str, Any]
) -> dict[str, Expected]:
    prefix = layer_prefix(model)
    if origin is not None:  # ten times faster than reading every layer's configuration
        request = replace(Request.of(origin.arguments), prefix="")
        layers = expected(plan(model_info(origin.name), request))
        if shapes_agree(layers, variables):
            return layers
    try:
        layers = without_prefix(expected(plan_of(model)), prefix)
    except UsageError:  # a layer is used twice
        layers = {}
    if shapes_agree(layers, variables):
        return layers
    # For a layer that cannot be planned, only names and shapes are known.
    return {
        name: layers.get(name)
        or Expected(
            type(layer).__name__,
            {variable.name: tuple(variable.shape) for variable in layer.weights},
        )
        for layer in model.layers
        for name in (layer.name.removeprefix(prefix),)
        if layer.weights
    }


def _heads(
    model: keras.Model, prefix: str, layers: dict[str, Expected]
) -> tuple[tuple[str, ...], ...]:
    """Returns the names of the layers with weights of each head, the main head first."""
    names = [layer.name.removeprefix(prefix) for layer in model.layers]
    behind = set(names[names.index("features") + 1 :]) if "features" in names else set()
    main = [name for name in layers if name in behind or name == CLASSIFIERS[0]]
    heads = [tuple(name for name in main if not name.startswith(AUXILIARY))]
    for classifier in CLASSIFIERS[1:]:
        heads.append(tuple(name for name in layers if name.startswith(classifier)))
    return tuple(head for head in heads if head)
