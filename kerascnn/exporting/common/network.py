"""Prepares a Keras model for export: one input, one output, float32, inference mode.

All formats are written from one function with the input `image` and the output `predictions`,
which calls the model with training=False.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kerascnn.errors import MismatchError, UsageError
from kerascnn.lazy import keras, np, tf
from kerascnn.models.auxiliary import output_names
from kerascnn.models.signature import refuse_softmax_of_one
from kerascnn.runtimes.contract import INPUT, OUTPUT

if TYPE_CHECKING:
    import keras as keras_
    import numpy.typing as npt

_PIXELS_PER_CALL = 2**18
"""Number of pixels that Keras processes in one call. An eager call keeps the output of every layer
in memory, in EfficientNet 9 kB a pixel."""
_HALF = ("float16", "bfloat16")


_LARGEST_WEIGHTS = 2**31 - 2**20
"""Largest size in bytes of the weights in one ONNX or LiteRT file, which holds 2 GiB."""


@dataclass(frozen=True)
class Network:
    """A model that is prepared for export.

    Args:
        model: has one input and one output, in float32. It shares the layers of the user's model
            unless `policy` is set.
        original: the user's model, with the same output only.
        policy: the precision of `original` when `model` is a float32 copy of it, else None.
        function: the `tf.function` that calls `model`, with its signature.
    """

    model: keras_.Model
    original: keras_.Model
    policy: str | None
    function: Any

    @property
    def image_shape(self) -> tuple[int | None, ...]:
        """Height, width and channels of the input; None where any size is accepted."""
        return tuple(self.model.inputs[0].shape[1:])

    @property
    def dtype(self) -> str:
        """Type of the input."""
        return str(self.model.inputs[0].dtype)

    @property
    def classes(self) -> int:
        """Number of classes, the last axis of the output."""
        return int(self.model.outputs[0].shape[-1])

    @property
    def variables(self) -> list[Any]:
        """The variables that the output depends on: none of optimizers, seeds or other outputs."""
        return list(self.function.get_concrete_function().variables)

    @property
    def parameter_bytes(self) -> int:
        """Size of `variables` in float32."""
        return sum(4 * int(np.prod(variable.shape)) for variable in self.variables)


def prepare(model: keras_.Model) -> Network:
    """Reduces a model to the output `predictions` and copies it to float32 if necessary.

    Raises:
        UsageError: it is no built functional or sequential model with one image input, or the
            backend is not TensorFlow.
        MismatchError: it cannot be copied to float32, or ends in the softmax of a single score.
    """
    if keras.config.backend() != "tensorflow":
        raise UsageError(
            f"export needs Keras on TensorFlow, but the backend is {keras.config.backend()}; save "
            "the model and export it in a process with KERAS_BACKEND=tensorflow"
        )
    if not isinstance(model, keras.Model):
        raise UsageError(
            f"expected a keras.Model, a Run or the path of a run directory, got {type(model)}"
        )
    original = _with_one_output(model)
    policy = _half_precision(original)
    refuse_softmax_of_one(original)
    float32_model = original if policy is None else _float32_copy(original)
    image = float32_model.inputs[0]
    function = tf.function(
        lambda image: {OUTPUT: float32_model(image, training=False)},
        input_signature=[tf.TensorSpec(image.shape, image.dtype, name=INPUT)],
    )
    return Network(float32_model, original, policy, function)


def refuse_large_weights(network: Network, file_format: str) -> None:
    """Raises MismatchError when the weights do not fit into one file of a format."""
    if network.parameter_bytes > _LARGEST_WEIGHTS:
        raise MismatchError(
            f"the weights take {network.parameter_bytes / 2**30:.1f} GiB, one {file_format} file "
            'holds less than 2 GiB; export it with formats=("savedmodel",)'
        )


def keras_outputs(model: keras_.Model, images: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Returns a model's outputs in float32, computed eagerly: no traced function is involved."""
    count = max(1, _PIXELS_PER_CALL // math.prod(images.shape[1:3]))
    parts = (images[start : start + count] for start in range(0, len(images), count))
    outputs = [keras.ops.cast(model(part, training=False), "float32") for part in parts]
    return np.concatenate([np.asarray(output) for output in outputs])


def _with_one_output(model: keras_.Model) -> keras_.Model:
    try:
        inputs, outputs = model.inputs, model.outputs
    except (AttributeError, ValueError):
        inputs = outputs = None
    if not inputs or not outputs:
        raise UsageError(
            f"model {model.name!r} has no known input shape; build it with keras.Input, or start "
            "the Sequential model with an input layer"
        )
    if len(inputs) != 1:
        raise UsageError(
            f"model {model.name!r} has {len(inputs)} inputs; export needs a model with one image "
            "as its input"
        )
    if len(outputs) == 1:
        # A Sequential model that was never called has `outputs` but no `output`.
        wrapped = isinstance(getattr(model, "output", None), dict | list)
        return _ending_in(model, outputs[0]) if wrapped else model
    named = (
        model.output
        if isinstance(model.output, dict)
        else dict(zip(output_names(model), outputs, strict=True))
    )
    if OUTPUT not in named:
        raise UsageError(
            f"model {model.name!r} has the outputs {', '.join(sorted(named))}; "
            f"export writes the one called {OUTPUT}; rename one of them"
        )
    return _ending_in(model, named[OUTPUT])


def _ending_in(model: keras_.Model, output: Any) -> keras_.Model:
    return keras.Model(model.inputs[0], output, name=model.name)


def _half_precision(model: keras_.Model) -> str | None:
    """Returns the policy of the first layer that computes in half precision, else None."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            policy = _half_precision(layer)
            if policy is not None:
                return policy
        elif layer.compute_dtype in _HALF:
            return str(layer.dtype_policy.name)
    return None


def _float32_copy(model: keras_.Model) -> keras_.Model:
    def copy(layer: Any) -> Any:
        return type(layer).from_config(_with_float32(layer.get_config()))

    clone = keras.models.clone_model(model, clone_function=copy, recursive=True)
    if [tuple(w.shape) for w in clone.weights] != [tuple(w.shape) for w in model.weights]:
        raise MismatchError(
            f"model {model.name!r} cannot be copied to float32: the model of its configuration has "
            "other weights; build it under the float32 policy and load its weights"
        )
    clone.set_weights([np.asarray(w).astype("float32") for w in model.get_weights()])
    clone.name = model.name
    return clone


def _with_float32(config: Any) -> Any:
    """Returns a layer's configuration with every half-precision policy replaced."""
    if isinstance(config, dict):
        if config.get("class_name") == "DTypePolicy":
            name = config["config"]["name"]
            half = name in _HALF or name.startswith("mixed_")
            return {**config, "config": {"name": "float32"}} if half else config
        return {key: _with_float32(value) for key, value in config.items()}
    if isinstance(config, list):
        return [_with_float32(value) for value in config]
    return config
