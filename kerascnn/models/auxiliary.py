"""The outputs of a model with auxiliary heads: their names and order."""

from __future__ import annotations

from kerascnn.errors import MismatchError
from kerascnn.lazy import keras
from kerascnn.models.request import Provenance, provenance

MAIN = "predictions"


AUXILIARY = ("aux1", "aux2")


def auxiliary_outputs(model: keras.Model) -> tuple[str, ...]:
    """Returns the names of the model's auxiliary classifiers, () for a model with one output.

    Raises:
        MismatchError: there are several outputs, and they are not "predictions", "aux1" and "aux2".
    """
    if len(model.outputs) == 1:
        return ()
    names = tuple(model.output_names)
    if MAIN not in names or not set(names) <= {MAIN, *AUXILIARY}:
        raise MismatchError(
            f"{model.name} has the outputs {', '.join(names)}; several must be {MAIN!r} and "
            f"{' and '.join(map(repr, AUXILIARY))}"
        )
    return tuple(name for name in names if name != MAIN)


def served(model: keras.Model) -> keras.Model:
    """Returns the network without its auxiliary classifiers, which shares its weights.

    A network without them is returned as it is.
    """
    if not auxiliary_outputs(model):
        return model
    output = model.outputs[tuple(model.output_names).index(MAIN)]
    plain = keras.Model(model.inputs, output, name=model.name)
    origin = provenance(model)
    if origin is not None:
        arguments = {key: one for key, one in origin.arguments.items() if key != "auxiliary"}
        plain.kerascnn_provenance = Provenance(origin.name, arguments)
    return plain


def listed(model: keras.Model) -> keras.Model:
    """Returns a network whose several outputs are a list, which labels and losses then are too."""
    if not auxiliary_outputs(model):
        return model
    made = keras.Model(model.inputs, list(model.outputs), name=model.name)
    origin = provenance(model)
    if origin is not None:
        made.kerascnn_provenance = origin
    return made
