"""The list of what a configuration may name is complete for this package, and safe."""

from __future__ import annotations

import importlib
import inspect

import keras
import pytest

import kerascnn.layers
import kerascnn.recipes.optimizers  # noqa: F401  # registers its classes
from kerascnn.weights.formats.keras_objects import CLASSES, CODE, FUNCTIONS, OWN_NAMES, module_of


def test_every_class_is_there_and_is_built_from_a_configuration():
    for module, names in CLASSES.items():
        for name in names:
            listed = getattr(importlib.import_module(module), name)
            assert inspect.isclass(listed), name
            assert hasattr(listed, "from_config"), name


def test_every_function_is_there():
    modules = (keras.activations, keras.losses, keras.metrics)
    assert [name for name in FUNCTIONS if not any(hasattr(each, name) for each in modules)] == []


def test_the_classes_of_this_package_are_all_listed():
    registered = {
        name for name in keras.saving.get_custom_objects() if name.startswith("kerascnn>")
    }
    assert registered == OWN_NAMES


@pytest.mark.parametrize("name", sorted(CODE))
def test_code_has_no_module(name):
    assert module_of("keras.layers", name) is None
    assert module_of(None, name) is None


def test_no_listed_class_takes_a_file_or_a_function():
    """A later version of Keras may give a class an argument that opens a file."""
    suspicious = ("path", "file", "vocabulary", "function", "url", "module")
    for module, names in CLASSES.items():
        for name in names:
            listed = getattr(importlib.import_module(module), name)
            arguments = inspect.signature(listed.__init__).parameters
            assert not [
                argument for argument in arguments if any(word in argument for word in suspicious)
            ], name
