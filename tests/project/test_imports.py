"""Who imports what: the contract between the parts, read from source and from a fresh Python."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.paths import ROOT

PARTS = ("kerascnn", "applications", "tuning")
SOURCES = sorted(path for part in PARTS for path in (ROOT / part).rglob("*.py"))
FAMILIES = {
    f"kerascnn.applications.{path.stem}"
    for path in (ROOT / "applications").glob("*.py")
    if path.stem not in ("__init__", "blocks")
}
LISTS_MODULES = ROOT / "kerascnn" / "weights" / "formats" / "keras_objects.py"
"""It lists names of Keras's own modules, as they are in files; it imports none."""
HEAVY = (
    "keras", "keras_tuner", "matplotlib", "numpy", "onnx", "onnxruntime", "PIL", "rich", "scipy",
    "sklearn", "tensorboard", "tensorflow", "tensorflow_datasets", "tf2onnx",
)  # fmt: skip


def imported(source: str) -> Iterator[str]:
    """Yields every module that a source names in an import or in a string."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "absolute imports only: the parts lie in several directories"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_the_scan_sees_every_form_of_import() -> None:
    source = (
        "import kerascnn.applications.lenet\n"
        "from kerascnn.applications import lenet\n"
        "from kerascnn.applications.lenet import MAPS\n"
        "importlib.import_module('kerascnn.applications.lenet')\n"
    )
    assert list(imported(source)).count("kerascnn.applications.lenet") == 4
    assert "kerascnn.applications.lenet" in FAMILIES


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_absolute_public_and_no_family(path: Path) -> None:
    names = set(imported(path.read_text("utf-8")))
    if path != LISTS_MODULES:
        assert not {name for name in names if name.startswith(("keras.src", "tensorflow.python"))}
    if path.parent != ROOT / "applications":
        assert not names & FAMILIES, "families are reached by the registry only"


@pytest.mark.parametrize(
    "statement",
    [
        "import kerascnn",
        "import kerascnn.models.registry, kerascnn.models.costs, kerascnn.fileio.atomic",
        "import kerascnn.applications; kerascnn.list_models()",
        "import kerascnn.tuning",
        "import kerascnn.recipes.lookup",
        "from kerascnn.cli import main; main(['list'])",
        "from kerascnn.cli import main; main(['list', '--json'])",
        "from kerascnn.cli import main; main(['info', 'lenet5'])",
        "from kerascnn.cli import main; main(['summary', 'lenet5'])",
        "from kerascnn.cli import main; main(['--help'])",
        "from kerascnn.cli import main; main(['train', '--help'])",
    ],
)
def test_nothing_heavy_is_imported(statement: str) -> None:
    code = f"{statement}\nimport sys; print(sorted(set(sys.modules) & set({HEAVY})))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("package", ["kerascnn", "tuning"])
def test_public_names_have_the_homes_that_the_type_checker_reads(package: str) -> None:
    tree = ast.parse((ROOT / package / "__init__.py").read_text("utf-8"))
    checked: dict[str, str | None] = {}
    tables: dict[str, Any] = {"_HOMES": {}, "_PACKAGES": ()}
    for node in tree.body:
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            for line in node.body:
                assert isinstance(line, ast.ImportFrom)
                checked |= {alias.name: line.module for alias in line.names}
        name = getattr(node.targets[0], "id", "") if isinstance(node, ast.Assign) else ""
        if isinstance(node, ast.Assign) and name in tables:
            tables[name] = ast.literal_eval(node.value)
    assert tables["_HOMES"]
    assert checked == tables["_HOMES"] | dict.fromkeys(tables["_PACKAGES"], "kerascnn")
