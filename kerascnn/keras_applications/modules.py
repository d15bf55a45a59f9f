"""The functions and submodules of `kerascnn.keras_applications`, made from its tables."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Mapping
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from kerascnn.keras_applications.build import build
from kerascnn.keras_applications.checks import check_weights
from kerascnn.keras_applications.preprocessing import (
    decode_predictions,
    preprocess_input,
    preprocessor,
    row_preprocessor,
)
from kerascnn.keras_applications.table import APPLICATIONS, STANDARD, Application
from kerascnn.lazy import keras
from kerascnn.models.registry import Variant, list_models, model_info

# Submodules of keras.applications without a row of ours -> mode of `preprocess_input`, functions.
CONVNEXT = ("Tiny", "Small", "Base", "Large", "XLarge")
EFFICIENTNET_V2 = ("B0", "B1", "B2", "B3", "S", "M", "L")
KERAS_OWN: dict[str, tuple[str, tuple[str, ...]]] = {
    "convnext": ("none", tuple(f"ConvNeXt{size}" for size in CONVNEXT)),
    "efficientnet_v2": ("none", tuple(f"EfficientNetV2{size}" for size in EFFICIENTNET_V2)),
    "xception": ("tf", ("Xception",)),
}
# A submodule of keras.applications without a function for a model.
UTILITIES = "imagenet_utils"
DOC = """{text}

    Args:
{arguments}

    Returns:
        A functional `keras.Model`.

    Raises:
        UsageError: an argument is invalid; it is a ValueError.
        MismatchError: the weights do not fit; it is a ValueError.
        DownloadError: the weights cannot be downloaded.
    """
ARGUMENTS = {
    "include_top": "whether the model ends with its classifier.",
    "weights": (
        '"imagenet" for the weights that Keras publishes; None for newly initialised weights; the '
        "path of a file; an https address; or a tag of `kerascnn weights list`."
    ),
    "input_tensor": "a Keras tensor to build on, instead of a new input.",
    "input_shape": "(height, width, channels); None for the default.",
    "pooling": 'without the classifier: None for the feature map, "avg" or "max".',
    "classes": "number of classes; 1000 for published weights.",
    "classifier_activation": '"softmax", another activation, or None for logits.',
    "alpha": "multiplies the channels of every layer.",
    "depth_multiplier": "filters of a depthwise convolution for each channel.",
    "dropout": "rate before the classifier.",
    "dropout_rate": "rate before the classifier.",
    "minimalistic": "without squeeze-and-excitation, hard swish and 5x5 filters.",
    "include_preprocessing": "whether the model scales pixels from 0 to 255 itself.",
    "name": "of the model.",
}


def builder(
    name: str,
    text: str,
    arguments: Mapping[str, Any],
    call: Callable[[dict[str, Any]], keras.Model],
) -> Callable[..., keras.Model]:
    """Returns a function that builds a model.

    Args:
        name: of the function.
        text: first line of its docstring.
        arguments: its arguments, in order, with their defaults.
        call: gets the values of all arguments and builds the model.
    """
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    signature = inspect.Signature(
        [inspect.Parameter(key, kind, default=value) for key, value in arguments.items()]
    )

    def function(*positional: Any, **keywords: Any) -> keras.Model:
        try:
            bound = signature.bind(*positional, **keywords)
        except TypeError as error:
            raise TypeError(f"{name}() {error}") from None
        bound.apply_defaults()
        return call(dict(bound.arguments))

    function.__name__ = function.__qualname__ = name
    function.__signature__ = signature  # type: ignore[attr-defined]
    lines = [f"        {key}: {ARGUMENTS[key]}" for key in arguments]
    function.__doc__ = DOC.format(text=text, arguments="\n".join(lines))
    return function


def _of_application(application: Application) -> Callable[..., keras.Model]:
    def call(arguments: dict[str, Any]) -> keras.Model:
        name = arguments.pop("name")
        return build(application, arguments, name)

    text = f"Returns {application.builder} of keras.applications, built from {application.row}."
    arguments = {**application.arguments, "name": application.name}
    return builder(application.builder, text, arguments, call)


def _of_row(variant: Variant) -> Callable[..., keras.Model]:
    def call(arguments: dict[str, Any]) -> keras.Model:
        check_weights(arguments)
        return variant(**arguments)

    arguments = {
        **STANDARD,
        "weights": "imagenet" if variant.weights else None,
        "classes": variant.classes,
        "name": variant.name,
    }
    text = f"Returns {variant.builder}, the architecture {variant.name}."
    return builder(variant.builder, text, arguments, call)


@functools.cache
def contents() -> dict[str, dict[str, Any]]:
    """Returns the names in each submodule, and those of the package under "".

    The functions of keras.applications itself are left out; they are read when they are used.
    """
    functions: dict[str, Any] = {}
    modules: dict[str, dict[str, Any]] = {
        UTILITIES: {"preprocess_input": preprocess_input},
        "mobilenet_v3": {"preprocess_input": preprocessor("none")},
        **{name: {"preprocess_input": preprocessor(mode)} for name, (mode, _) in KERAS_OWN.items()},
    }
    for application in APPLICATIONS:
        function = functions[application.builder] = _of_application(application)
        for name in application.modules:
            module = modules.setdefault(name, {"preprocess_input": preprocessor(application.mode)})
            module[application.builder] = function
    for row in further_rows():
        variant = model_info(row)
        function = functions[variant.builder] = _of_row(variant)
        preprocess = row_preprocessor(variant.preprocessing)
        modules[row] = {variant.builder: function, "preprocess_input": preprocess}
    for module in modules.values():
        module["decode_predictions"] = decode_predictions
    return {"": functions, **modules}


def further_rows() -> list[str]:
    """Returns the rows of the registry that keras.applications does not have."""
    taken = {application.row for application in APPLICATIONS}
    return [row for row in list_models() if row not in taken]


def enter_modules(package: str) -> None:
    """Enters the submodules where Python's import looks for them."""
    for name, values in contents().items():
        if not name:
            continue
        full_name = f"{package}.{name}"
        module = ModuleType(full_name, f"As keras.applications.{name}.")
        module.__spec__ = ModuleSpec(full_name, None)
        module.__package__ = package
        functions = KERAS_OWN[name][1] if name in KERAS_OWN else ()
        names = sorted([*values, *functions])
        vars(module).update(values, __all__=names, __dir__=names.copy)
        if functions:
            vars(module)["__getattr__"] = functools.partial(_keras_function, full_name, functions)
        sys.modules[full_name] = module


def attribute(package: str, name: str) -> Any:
    """Returns a function or a submodule of the package."""
    known = contents()
    if name in known[""]:
        return known[""][name]
    if name in known:
        return sys.modules[f"{package}.{name}"]
    functions = [function for _, group in KERAS_OWN.values() for function in group]
    return _keras_function(package, functions, name)


def _keras_function(module: str, names: Any, name: str) -> Any:
    """Returns a function of keras.applications that we have no row for."""
    if name in names:
        return getattr(keras.applications, name)
    raise AttributeError(f"module {module!r} has no attribute {name!r}")


def public_names() -> list[str]:
    """Returns the names of all functions and submodules."""
    known = contents()
    own = [function for _, group in KERAS_OWN.values() for function in group]
    return sorted([*known[""], *(name for name in known if name), *own])
