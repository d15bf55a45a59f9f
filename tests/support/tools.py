"""The programs of tools/ as modules, whose functions can be called."""

from __future__ import annotations

import importlib.util
from types import ModuleType

from support.paths import ROOT


def load_tool(name: str) -> ModuleType:
    """Returns tools/`name`.py as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
