"""The model's side of a load: what it expects, its variables, and which layers are its heads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from kerascnn.errors import UsageError
from kerascnn.models.planning import plan
from kerascnn.models.registry import model_info
from kerascnn.models.request import Provenance, Request, provenance
from kerascnn.models.summary import plan_of
from kerascnn.weights.expected_shapes import Expected, expected

if TYPE_CHECKING:
    import keras

CLASSIFIERS = ("predictions", "aux1", "aux2")
"""The layers whose outputs are the classes."""
AUXILIARY = "aux"
"""What the names of heads begin with that serve training alone."""


@dataclass(frozen=True)
class Target:
    """A model that weights are loaded into.

    Args:
        model: the model.
        wanted: its layers with weights.
        variables: its Keras variables by "layer/variable".
        family: of the registry, if the model comes from there.
        first: the convolution that reads the image.
        heads: layers with weights that lead to the classes, in order, one tuple for each head.
    """

    model: keras.Model
    wanted: dict[str, Expected]
    variables: dict[str, Any]
    family: str | None
    first: str | None
    heads: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, model: keras.Model) -> Target:
        """Returns the target that a model is.

        Raises:
            UsageError: it has no variables yet, or models inside.
        """
        listed = [
            (f"{layer.name}/{variable.name}", variable)
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
        wanted = _expected_of(model, origin, variables)
        convolutions = [name for name, one in wanted.items() if one.kind.endswith("Conv2D")]
        family = None if origin is None else model_info(origin.name).family
        first = convolutions[0] if convolutions else None
        return cls(model, wanted, variables, family, first, _heads(model, wanted))

    def whole(self) -> dict[str, Expected]:
        """Returns the layers of the same network with its head, to know what of a file is a head's.

        Empty for a model that is not of the registry.
        """
        origin = provenance(self.model)
        if origin is None:
            return {}
        request = Request.of(origin.arguments)
        shape = request.input_shape
        if shape is not None and None in shape[:2]:
            shape = None  # the head may need a size
        full = replace(request, include_top=True, pooling=None, input_shape=shape)
        return expected(plan(model_info(origin.name), full))


def shapes_agree(wanted: dict[str, Expected], variables: dict[str, Any]) -> bool:
    """Returns whether a plan describes exactly these variables."""
    planned = {
        f"{name}/{variable}": shape
        for name, layer in wanted.items()
        for variable, shape in layer.variables.items()
    }
    return planned == {name: tuple(one.shape) for name, one in variables.items()}


def _expected_of(
    model: keras.Model, origin: Provenance | None, variables: dict[str, Any]
) -> dict[str, Expected]:
    if origin is not None:  # ten times faster than asking every layer for its configuration
        wanted = expected(plan(model_info(origin.name), Request.of(origin.arguments)))
        if shapes_agree(wanted, variables):
            return wanted
    try:
        wanted = expected(plan_of(model))
    except UsageError:  # a layer used twice
        wanted = {}
    if shapes_agree(wanted, variables):
        return wanted
    # A layer that no plan knows: names and shapes are all that can be said.
    return {
        layer.name: wanted.get(layer.name)
        or Expected(type(layer).__name__, {one.name: tuple(one.shape) for one in layer.weights})
        for layer in model.layers
        if layer.weights
    }


def _heads(model: keras.Model, wanted: dict[str, Expected]) -> tuple[tuple[str, ...], ...]:
    layers = [layer.name for layer in model.layers]
    behind = set(layers[layers.index("features") + 1 :]) if "features" in layers else set()
    main = [name for name in wanted if name in behind or name == CLASSIFIERS[0]]
    heads = [tuple(name for name in main if not name.startswith(AUXILIARY))]
    for classifier in CLASSIFIERS[1:]:
        heads.append(tuple(name for name in wanted if name.startswith(classifier)))
    return tuple(head for head in heads if head)
