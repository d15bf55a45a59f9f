"""Imports go in one direction: from the packages of a higher level to those of lower ones."""

from __future__ import annotations

import ast
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.import_graph import (
    PACKAGE,
    Graph,
    computed_imports,
    cycles,
    import_graph,
    modules,
    packages,
)
from support.paths import ROOT

# Lowest first. A package imports those of lower levels, and none of its own level.
LEVELS = (
    ("errors", "lazy", "text_table", "version"),
    ("fileio",),
    ("recipes", "layers", "runtimes"),
    ("imaging",),
    ("data", "published"),
    ("models",),
    ("weights",),
    ("create", "runs"),
    ("applications", "exporting"),
    ("keras_applications",),
    ("inference",),
    ("evaluation",),
    ("reports",),
    ("training",),
    ("tuning",),
    ("cli",),
    ("__main__",),
)
RANKS = {package: rank for rank, level in enumerate(LEVELS) for package in level}

# The registry finds the families by name, since a family file enters its rows there.
EXCEPTIONS = {(f"{PACKAGE}.models.registry", f"{PACKAGE}.applications")}
# The package itself lies above all: it names the home of every public name, and registers the
# custom layers when Keras is imported. Nothing imports it.
ROOTS = {PACKAGE}
# Where a module is imported by a name that is computed: the tables of public names, whose strings
# the graph reads, and the module that imports on first use.
COMPUTED = {PACKAGE, f"{PACKAGE}.tuning", f"{PACKAGE}.lazy"}


def part(module: str) -> str:
    """Returns the package or module below the root that a module belongs to."""
    return module.split(".")[1]


def faults(graph: Graph) -> Iterator[str]:
    """Yields what is wrong with the order of the imports."""
    ordered = {
        module: {target for target in targets if (module, target) not in EXCEPTIONS}
        for module, targets in graph.items()
        if module not in ROOTS
    }
    for module, targets in ordered.items():
        if part(module) not in RANKS:
            yield f"{module} is in a package that LEVELS does not list"
            continue
        for target in sorted(targets):
            if target in ROOTS:
                yield f"{module} imports {target}, which lies above it"
            elif part(target) != part(module) and not (
                part(target) in RANKS and RANKS[part(target)] < RANKS[part(module)]
            ):
                yield f"{module} imports {target}, which is not of a lower level"
    yield from (f"a cycle of files: {', '.join(group)}" for group in cycles(ordered))
    depths = range(2, max(len(module.split(".")) for module in graph))
    for depth in depths:
        groups = cycles(packages(ordered, depth))
        yield from (f"a cycle of packages: {', '.join(group)}" for group in groups)


@pytest.fixture(scope="module")
def graph() -> dict[str, set[str]]:
    return import_graph(ROOT)


def test_imports_go_down(graph: Graph) -> None:
    assert len(graph) > 200
    assert list(faults(graph)) == []


def test_every_level_has_its_packages(graph: Graph) -> None:
    assert {part(module) for module in graph if module not in ROOTS} == set(RANKS)


def test_every_import_can_be_read() -> None:
    computed = {
        module
        for module, path in modules(ROOT).items()
        if computed_imports(ast.parse(path.read_text("utf-8")))
    }
    assert computed <= COMPUTED


def test_the_exceptions_are_needed(graph: Graph) -> None:
    for module, target in EXCEPTIONS:
        assert target in graph[module]


def test_each_import_reversed_is_a_fault(graph: Graph) -> None:
    edges = [
        (module, target)
        for module, targets in graph.items()
        for target in targets
        if module not in ROOTS and not EXCEPTIONS & {(module, target), (target, module)}
    ]
    assert len(edges) > 500
    for module, target in edges:
        reversed_graph = {**graph, target: graph[target] | {module}}
        assert any(module in fault and target in fault for fault in faults(reversed_graph))


FORMS = {
    "at module level": "from kerascnn.training.train import train\n",
    "of a module": "import kerascnn.training.train\n",
    "of a module from its package": "from kerascnn.training import train\n",
    "inside a function": "def f():\n    from kerascnn.training.train import train\n",
    "under TYPE_CHECKING": (
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n"
        "    from kerascnn.training.train import train\n"
    ),
    "by name": "import importlib\nimportlib.import_module('kerascnn.training.train')\n",
    "from a table": "HOMES = {'train': 'kerascnn.training.train'}\n",
    "of the root": "import kerascnn\n",
}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources, to be changed."""
    copy = tmp_path_factory.mktemp("checkout")
    for folder in ("kerascnn", "applications", "tuning"):
        shutil.copytree(
            ROOT / folder,
            copy / folder,
            ignore=shutil.ignore_patterns("__pycache__"),
            symlinks=True,
        )
    return copy


@pytest.mark.parametrize("form", FORMS)
def test_an_import_upwards_is_seen_in_every_form(form: str, checkout: Path) -> None:
    changed = checkout / "kerascnn" / "fileio" / "locks.py"
    kept = changed.read_text("utf-8")
    changed.write_text(f"{kept}\n{FORMS[form]}", "utf-8")
    try:
        assert any(
            fault.startswith("kerascnn.fileio.locks ") for fault in faults(import_graph(checkout))
        )
    finally:
        changed.write_text(kept, "utf-8")
    assert list(faults(import_graph(checkout))) == []


def test_an_unlisted_package_and_a_computed_import_are_seen(checkout: Path) -> None:
    package = checkout / "kerascnn" / "extras"
    package.mkdir()
    source = "import importlib\nimportlib.import_module(f'kerascnn.{1}')\n"
    (package / "__init__.py").write_text(source, "utf-8")
    try:
        assert "kerascnn.extras is in a package that LEVELS does not list" in list(
            faults(import_graph(checkout))
        )
        assert computed_imports(ast.parse(source)) == [2]
    finally:
        shutil.rmtree(package)
