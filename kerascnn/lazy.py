"""Imports Keras, NumPy and TensorFlow on first use, and registers modules to import after them.

`importlib.util.LazyLoader` is not used: it puts a module that is not loaded yet into `sys.modules`,
where TensorFlow's own import of Keras finds it. The proxies here are not in `sys.modules`.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import sys
import warnings
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

__all__ = ["LazyModule", "import_after", "keras", "np", "tf"]


class LazyModule(ModuleType):
    """A proxy of a module that imports the module when an attribute is first read."""

    def __getattr__(self, attribute: str) -> Any:
        module = self.__dict__.get("module")
        if module is None:  # cached, since `import_module` takes longer than most NumPy calls
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


def import_after(module: str, followers: Sequence[str]) -> None:
    """Imports `followers` now if `module` is imported, otherwise directly after its import.

    In the latter case, an import hook is installed; it removes itself after the import.

    Args:
        module: name of a module, such as "keras".
        followers: names of the modules to import after it.
    """
    if module in sys.modules:
        _import_all(followers)
    else:
        sys.meta_path.insert(0, _ImportHook(module, followers))


def _import_all(modules: Sequence[str]) -> None:
    for module in modules:
        importlib.import_module(module)


class _ImportHook:
    """Finds `module` with the other finders, and makes its loader import `followers` after it."""

    def __init__(self, module: str, followers: Sequence[str]) -> None:
        self.module, self.followers = module, followers

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != self.module:
            return None
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            spec = None if finder is self or find is None else find(name, path, target)
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = _FollowedLoader(spec.loader, self)
                return spec
        return None


class _FollowedLoader:
    """Loads a module with the module's own loader, then imports the followers of the hook."""

    def __init__(self, loader: Any, hook: _ImportHook) -> None:
        self.loader, self.hook = loader, hook

    def __getattr__(self, attribute: str) -> Any:
        return getattr(self.loader, attribute)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        created: ModuleType | None = self.loader.create_module(spec)
        return created

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:  # the module shall keep no trace of the hook
            module.__spec__.loader = module.__loader__ = self.loader
        self.loader.exec_module(module)
        if self.hook in sys.meta_path:
            sys.meta_path.remove(self.hook)
        try:
            _import_all(self.hook.followers)
        except Exception as error:  # an error here must not make the import of Keras fail
            warnings.warn(
                f"kerascnn could not register its layers with {self.hook.module}: {error!r}; "
                f"import {', '.join(self.hook.followers)} to see why",
                RuntimeWarning,
                stacklevel=2,
            )
