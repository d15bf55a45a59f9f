"""From a Keras model to the one function that every format is written from.

The function has one input `image` and one output `predictions`, runs with training=False and
computes in float32.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kerascnn.errors import MismatchError, UsageError
from kerascnn.lazy import keras, np, tf
from kerascnn.runtimes.contract import INPUT, OUTPUT

if TYPE_CHECKING:
    import keras as keras_
    import numpy.typing as npt

PIXELS = 2**18
"""Of the images that Keras is asked for at once: called without a trace it keeps what every layer
gives, in EfficientNet 9 kB a pixel."""
_HALF = ("float16", "bfloat16")


@dataclass(frozen=True)
class Network:
    """A model made ready for export.

    Args:
        model: one input, one output, float32. Shares the user's layers unless `policy` is set.
        original: the user's model cut to the same output.
        policy: the precision of `original` when `model` is a float32 copy of it, else None.
        function: the `tf.function` of `model`, with its signature.
    """

    model: keras_.Model
    original: keras_.Model
    policy: str | None
    function: Any

    @property
    def image_shape(self) -> tuple[int | None, ...]:
        """Height, width, channels; None where any size is taken."""
        return tuple(self.model.inputs[0].shape[1:])

    @property
    def dtype(self) -> str:
        return str(self.model.inputs[0].dtype)

    @property
    def classes(self) -> int:
        return int(self.model.outputs[0].shape[-1])

    @property
    def variables(self) -> list[Any]:
        """The variables that the output depends on: no optimizer, dropout seed or other head."""
        return list(self.function.get_concrete_function().variables)

    @property
    def parameter_bytes(self) -> int:
        return sum(4 * int(np.prod(variable.shape)) for variable in self.variables)


def prepare(model: keras_.Model) -> Network:
    """Cuts a model to `predictions`, copies it to float32 where needed, and traces nothing yet.

    Raises:
        UsageError: it is no built functional or sequential model with one image input, or the
            backend is not TensorFlow.
    """
    if keras.config.backend() != "tensorflow":
        raise UsageError(
            f"export needs Keras on TensorFlow, this is {keras.config.backend()}; save the model "
            "and export it in a process with KERAS_BACKEND=tensorflow"
        )
    if not isinstance(model, keras.Model):
        raise UsageError(
            f"expected a keras.Model, a Run or the path of a run directory, got {type(model)}"
        )
    original = _cut(model)
    policy = _half_precision(original)
    ready = original if policy is None else _float32_copy(original)
    spec = tf.TensorSpec(ready.inputs[0].shape, ready.inputs[0].dtype, name=INPUT)
    function = tf.function(
        lambda image: {OUTPUT: ready(image, training=False)}, input_signature=[spec]
    )
    return Network(ready, original, policy, function)


def reference(model: keras_.Model, images: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Returns the outputs of Keras itself, float32; eager, so that no trace is trusted."""
    count = max(1, PIXELS // math.prod(images.shape[1:3]))
    parts = (images[start : start + count] for start in range(0, len(images), count))
    answers = [keras.ops.cast(model(part, training=False), "float32") for part in parts]
    return np.concatenate([np.asarray(answer) for answer in answers])


def _cut(model: keras_.Model) -> keras_.Model:
    try:
        inputs, outputs = model.inputs, model.outputs
    except (AttributeError, ValueError):
        inputs = outputs = None
    if not inputs or not outputs:
        raise UsageError(
            f"model {model.name!r} has no known input shape; build it with keras.Input or give "
            "the Sequential model an input layer"
        )
    if len(inputs) != 1:
        raise UsageError(f"model {model.name!r} has {len(inputs)} inputs; export takes one image")
    if len(outputs) == 1:
        # A Sequential that was never called has outputs but no output.
        wrapped = isinstance(getattr(model, "output", None), dict | list)
        return _ending(model, outputs[0]) if wrapped else model
    named = (
        model.output
        if isinstance(model.output, dict)
        else dict(zip(model.output_names, outputs, strict=True))
    )
    if OUTPUT not in named:
        raise UsageError(
            f"model {model.name!r} has the outputs {', '.join(sorted(named))}; "
            f"export takes the one that is called {OUTPUT}"
        )
    return _ending(model, named[OUTPUT])


def _ending(model: keras_.Model, output: Any) -> keras_.Model:
    return keras.Model(model.inputs[0], output, name=model.name)


def _half_precision(model: keras_.Model) -> str | None:
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            found = _half_precision(layer)
            if found is not None:
                return found
        elif layer.compute_dtype in _HALF:
            return str(layer.dtype_policy.name)
    return None


def _float32_copy(model: keras_.Model) -> keras_.Model:
    def copy(layer: Any) -> Any:
        return type(layer).from_config(_with_float32(layer.get_config()))

    made = keras.models.clone_model(model, clone_function=copy, recursive=True)
    wanted, got = ([tuple(v.shape) for v in each.weights] for each in (model, made))
    if wanted != got:
        raise MismatchError(
            f"model {model.name!r} cannot be copied to float32: its configuration gives other "
            "weights; build it under the float32 policy and load its weights"
        )
    made.set_weights([np.asarray(w).astype("float32") for w in model.get_weights()])
    made.name = model.name
    return made


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
