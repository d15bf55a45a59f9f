"""Modules that are imported on first use, so that reading a table or printing help costs nothing.

`importlib.util.LazyLoader` would put a half-loaded module into `sys.modules`, which TensorFlow's
own import of Keras then meets; a proxy outside `sys.modules` cannot be met by anyone.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING, Any


class LazyModule(ModuleType):
    """Stands for a module and imports it when an attribute is first asked for."""

    def __getattr__(self, attribute: str) -> Any:
        module = self.__dict__.get("module")
        if module is None:  # asking importlib each time would take longer than most NumPy calls
            module = self.__dict__["module"] = importlib.import_module(self.__name__)
        return getattr(module, attribute)


if TYPE_CHECKING:
    import keras
    import numpy as np
    import tensorflow as tf
else:
    keras = LazyModule("keras")
    np = LazyModule("numpy")
    tf = LazyModule("tensorflow")
