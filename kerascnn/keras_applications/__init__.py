"""keras.applications on the networks of this package: change the import line, and a script runs.

    from kerascnn.keras_applications import ResNet50
    from kerascnn.keras_applications.resnet50 import decode_predictions, preprocess_input

It has the functions and submodules of keras.applications, with the same arguments, defaults and
names of layers. Models of keras.applications that the registry has are built from its rows, the
others are Keras's own. Every other row of the registry has a function and a submodule of its name,
with the same interface. docs/keras_applications.md lists the differences.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kerascnn.keras_applications.modules import attribute, enter_modules, public_names

enter_modules(__name__)

if not TYPE_CHECKING:  # __init__.pyi has the names for type checkers

    def __getattr__(name: str) -> Any:
        return attribute(__name__, name)


def __dir__() -> list[str]:
    return public_names()
