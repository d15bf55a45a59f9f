"""Makes the package tests/support importable by its name.

pytest's importlib mode puts no test directory on sys.path, and this keeps it so. Fixtures of
several files stand here as well.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support.file_server import Server


def _add_package(name: str, folder: Path) -> None:
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    assert spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules[name] = package
    spec.loader.exec_module(package)


# A failed assertion of a shared check shows its values, as one of a test does.
pytest.register_assert_rewrite("support")
_add_package("support", Path(__file__).parent / "support")


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gives the test a cache of downloads of its own."""
    monkeypatch.setenv("KERASCNN_HOME", str(tmp_path / "home"))


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server of files on this machine, and a cache of downloads of the test's own."""
    from kerascnn.weights.download import fetch
    from support.file_server import serving

    monkeypatch.setenv("KERASCNN_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(fetch, "PAUSES", (0.0, 0.0, 0.0, 0.0))
    with serving() as running:
        yield running
