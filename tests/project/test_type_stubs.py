"""What editors and type checkers read of the builders, against the registry."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import Any

import pytest

import kerascnn.applications
from kerascnn import create_model, list_models, model_info
from kerascnn.models.registry import Variant, builders
from kerascnn.tuning import SearchSpace
from support.paths import ROOT
from support.tools import load_tool

STUBS = ast.parse((ROOT / "applications" / "__init__.pyi").read_text("utf-8"))
VARIANTS = [model_info(name) for name in list_models()]


TOOL = load_tool("type_stubs")


def fields_of(path: Path, name: str) -> dict[str, str]:
    """Returns field -> source of its type, for the TypedDict `name` in a file."""
    (body,) = (
        node.body
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.ClassDef) and node.name == name
    )
    return {
        node.target.id: ast.unparse(node.annotation)
        for node in body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }


def stub_of(builder: str) -> tuple[str, ast.FunctionDef]:
    """Returns the docstring of a builder in the stubs, and the `__call__` of its class."""
    for node, following in zip(STUBS.body, STUBS.body[1:], strict=False):
        target = node.target if isinstance(node, ast.AnnAssign) else None
        if isinstance(node, ast.AnnAssign) and isinstance(target, ast.Name):
            if target.id != builder:
                continue
            assert isinstance(following, ast.Expr)
            assert isinstance(node.annotation, ast.Name)
            docstring = ast.literal_eval(following.value)
            (members,) = (
                other.body
                for other in STUBS.body
                if isinstance(other, ast.ClassDef) and other.name == node.annotation.id
            )
            (call,) = (member for member in members if isinstance(member, ast.FunctionDef))
            assert call.name == "__call__"
            return docstring, call
    raise AssertionError(f"{builder} is missing in the stubs; run: make stubs")


@pytest.mark.parametrize("path", TOOL.SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_are_what_the_tool_writes(path: Path) -> None:
    source = TOOL.SOURCES[path](TOOL.load_variants())
    assert path.read_text("utf-8") == source, "run: make stubs"


def test_stubs_export_every_builder_and_nothing_else() -> None:
    (exported,) = (
        ast.literal_eval(node.value)
        for node in STUBS.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    )
    assert exported == list(builders()) == kerascnn.applications.__all__
    assert len(exported) == len(VARIANTS)
    names: dict[str, Any] = {}
    exec("from kerascnn.applications import *", names)
    assert {*names} - {"__builtins__"} == {*exported}


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_stub_has_signature_and_docstring_of_the_builder(variant: Variant) -> None:
    docstring, call = stub_of(variant.builder)
    signature = inspect.signature(variant)
    arguments = call.args
    assert [argument.arg for argument in arguments.args] == [
        "self",
        *(p.name for p in signature.parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD),
    ]
    keyword_only = [p.name for p in signature.parameters.values() if p.kind is p.KEYWORD_ONLY]
    assert [argument.arg for argument in arguments.kwonlyargs] == keyword_only
    assert arguments.vararg is arguments.kwarg is None
    assert call.returns is not None
    assert ast.unparse(call.returns) == signature.return_annotation == "keras.Model"

    named = [*arguments.args[1:], *arguments.kwonlyargs]
    for argument, default in zip(named, [*arguments.defaults, *arguments.kw_defaults], strict=True):
        assert default is not None
        value = ast.literal_eval(default)
        assert value in (..., signature.parameters[argument.arg].default)
        assert argument.annotation is not None

    text = " ".join(docstring.split())
    assert f'`create_model("{variant.name}")`' in text
    assert f"{variant.params:,} trainable parameters" in text
    for column, value in variant.own_columns.items():
        assert re.search(rf"\b{column}=", text)
        assert value is None or str(value).replace("'", '"').replace(" ", "") in text.replace(
            " ", ""
        )
    explained = ast.get_docstring(call) or ""
    for argument in named:
        assert re.search(rf"^ +(\w+, )*{argument.arg}(, \w+)*: ", explained, re.M), argument.arg


def test_create_model_takes_the_columns_of_all_rows() -> None:
    fields = fields_of(ROOT / "kerascnn" / "models" / "columns.py", "Columns")
    assert {*fields} == {column for variant in VARIANTS for column in variant.own_columns}
    parameters = inspect.signature(create_model).parameters
    assert parameters["columns"].annotation == "Unpack[Columns]"
    # Of several families, and of different types there.
    assert fields["lrn"] == "bool | str | None"
    assert fields["filters"] == "int | tuple[int, ...] | tuple[int, int, int, int, int]"
    assert fields["epsilon"] == "float"


def test_search_spaces_take_columns_and_fields_of_recipes() -> None:
    fields = fields_of(ROOT / "tuning" / "axis_names.py", "Axes")
    columns = fields_of(ROOT / "kerascnn" / "models" / "columns.py", "Columns")
    recipe = inspect.signature(kerascnn.Recipe).parameters
    explaining = {"name", "about", "paper", "notes", "departures"}
    network = {"depth", "width", "kernel_size", "stem", "dropout", "head", "pooling"}
    assert {*fields} == {*columns, *recipe, *network, "augmentation"} - explaining
    assert {*fields.values()} == {"Domain"}
    assert inspect.signature(SearchSpace).parameters["axes"].annotation == "Unpack[Axes]"


def test_unlike_types_of_a_column_become_a_union() -> None:
    assert TOOL.type_text(int | None) == "int | None"
    assert TOOL.type_text(tuple[tuple[int, str], ...]) == "tuple[tuple[int, str], ...]"
    assert TOOL.type_text(tuple[Path, ...]) == "tuple[Any, ...]"


def test_public_functions_have_types_and_docstrings() -> None:
    for package in kerascnn, kerascnn.tuning:
        for name in package._HOMES:
            value = getattr(package, name)
            assert inspect.getdoc(value), name
            signature = inspect.signature(value)
            for parameter in signature.parameters.values():
                assert parameter.annotation is not parameter.empty, (name, parameter.name)
                if parameter.kind is parameter.VAR_KEYWORD:
                    assert str(parameter.annotation).startswith("Unpack["), name
                assert parameter.kind is not parameter.VAR_POSITIONAL, name
            if inspect.isfunction(value):
                assert signature.return_annotation is not signature.empty, name
