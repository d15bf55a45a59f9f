"""Imports heavy modules on first use, and imports modules of ours after a heavy one.

`importlib.util.LazyLoader` would put a module that is not loaded yet into `sys.modules`, where
TensorFlow's own import of Keras finds it; the proxies here stay outside `sys.modules`.
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


def import_after(module: str, followers: Sequence[str]) -> None:
    """Imports `followers` as soon as `module` is imported: now, if it is already.

    Otherwise a hook waits for the import of `module` and removes itself after it.
    """
    if module in sys.modules:
        _import_all(followers)
    else:
        sys.meta_path.insert(0, _ImportHook(module, followers))


def _import_all(modules: Sequence[str]) -> None:
    for module in modules:
        importlib.import_module(module)


class _ImportHook:
    """Finds `module` by the other finders, and has its loader import `followers` in the end."""

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
    """Loads a module as its own loader does, then imports the hook's followers."""

    def __init__(self, loader: Any, hook: _ImportHook) -> None:
        self.loader, self.hook = loader, hook

    def __getattr__(self, attribute: str) -> Any:
        return getattr(self.loader, attribute)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        created: ModuleType | None = self.loader.create_module(spec)
        return created

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:  # nothing else needs to know of the hook
            module.__spec__.loader = module.__loader__ = self.loader
        self.loader.exec_module(module)
        if self.hook in sys.meta_path:
            sys.meta_path.remove(self.hook)
        try:
            _import_all(self.hook.followers)
        except Exception as error:  # the import of another package must not fail for ours
            warnings.warn(
                f"kerascnn could not register its layers with {self.hook.module}: {error!r}; "
                f"import {', '.join(self.hook.followers)} to see why",
                RuntimeWarning,
                stacklevel=2,
            )
