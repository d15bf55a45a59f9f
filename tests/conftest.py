"""Makes the packages tests/reference and tests/reliability importable by their names.

pytest's importlib mode puts no test directory on sys.path, and this keeps it so.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path


def _add_package(name: str, folder: Path) -> None:
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    assert spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules[name] = package
    spec.loader.exec_module(package)


_add_package("reference", Path(__file__).parent / "reference")
_add_package("reliability", Path(__file__).parent / "reliability")
