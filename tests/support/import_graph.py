"""The imports between the modules of a checkout, read from its source.

A module is imported by any of: a statement at module level, inside a function or under
TYPE_CHECKING, and a string that names the module, as `importlib.import_module` and the tables of
public names take it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeGuard

PACKAGE = "kerascnn"
PARTS = {
    "kerascnn": PACKAGE,
    "applications": f"{PACKAGE}.applications",
    "tuning": f"{PACKAGE}.tuning",
}
"""Folder of the checkout -> the package that it is installed as."""
DYNAMIC = ("import_module", "__import__")

Graph = Mapping[str, set[str]]
"""Module -> the modules of the package that it imports."""


def modules(root: Path) -> dict[str, Path]:
    """Returns every module of the checkout by its installed name."""
    paths = {}
    for folder, package in PARTS.items():
        for path in sorted((root / folder).rglob("*.py")):
            inside = path.relative_to(root / folder)
            if path.is_symlink() or any(parent.is_symlink() for parent in path.parents):
                continue
            names = [package, *inside.parent.parts]
            if inside.stem != "__init__":
                names.append(inside.stem)
            paths[".".join(names)] = path
    return paths


def _is_import_call(node: ast.AST) -> TypeGuard[ast.Call]:
    return (
        isinstance(node, ast.Call)
        and getattr(node.func, "attr", getattr(node.func, "id", None)) in DYNAMIC
    )


def imported_names(tree: ast.AST) -> Iterator[str]:
    """Yields every dotted name that a source imports; of `from x import y` it yields x.y."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute: the parts lie in several folders"
            assert node.module is not None
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif _is_import_call(node) and node.args and isinstance(node.args[0], ast.Constant):
            yield str(node.args[0].value)


def strings(tree: ast.AST) -> set[str]:
    """Returns the strings of a source."""
    constants = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return {value for value in constants if isinstance(value, str)}


def computed_imports(tree: ast.AST) -> list[int]:
    """Returns the lines that import a module by a name that is computed at run time."""
    return [
        node.lineno
        for node in ast.walk(tree)
        if _is_import_call(node) and not (node.args and isinstance(node.args[0], ast.Constant))
    ]


def import_graph(root: Path) -> dict[str, set[str]]:
    """Returns which modules of the package each module imports."""
    names = modules(root)
    graph: dict[str, set[str]] = {}
    for module, path in names.items():
        tree = ast.parse(path.read_text("utf-8"))
        # The package's own name is in many strings that import nothing.
        targets = (strings(tree) & set(names)) - {PACKAGE}
        for name in imported_names(tree):
            if name.split(".")[0] == PACKAGE:
                while name not in names:
                    name = name.rpartition(".")[0]
                targets.add(name)
        graph[module] = targets - {module}
    return graph


def cycles(graph: Graph) -> list[list[str]]:
    """Returns the groups of nodes that reach each other (Tarjan 1972), each sorted."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    groups: list[list[str]] = []

    def visit(node: str) -> None:
        order[node] = lowest[node] = len(order)
        stack.append(node)
        for target in graph.get(node, ()):
            if target not in order:
                visit(target)
                lowest[node] = min(lowest[node], lowest[target])
            elif target in stack:
                lowest[node] = min(lowest[node], order[target])
        if lowest[node] == order[node]:
            group = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(group) > 1:
                groups.append(sorted(group))

    for node in graph:
        if node not in order:
            visit(node)
    return groups


def packages(graph: Graph, depth: int) -> dict[str, set[str]]:
    """Returns the graph with the modules below `depth` names joined into their packages."""
    joined: dict[str, set[str]] = {}
    for module, targets in graph.items():
        package = ".".join(module.split(".")[:depth])
        parts = {".".join(target.split(".")[:depth]) for target in targets}
        joined.setdefault(package, set()).update(parts - {package})
    return joined
