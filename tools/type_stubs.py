"""Writes the types of the builders and of their columns, for editors and type checkers.

    python tools/type_stubs.py    (or: make stubs)

The builders enter `kerascnn.applications` at run time, where no editor and no type checker sees
them. This tool writes what they read instead:

- applications/__init__.pyi: each builder with its signature, docstring and return type;
- kerascnn/models/columns.py: the columns that `create_model` takes by keyword;
- tuning/axis_names.py: the axes that `SearchSpace` takes by keyword.

A test compares all three with the registry.
"""

from __future__ import annotations

import inspect
import json
import re
import textwrap
import types
import typing
from collections.abc import Callable, Iterable
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

from kerascnn.create import create_model
from kerascnn.models.registry import Variant, builders, model_info
from kerascnn.tuning.axis_factory import NETWORK, TRAINING

ROOT = Path(__file__).resolve().parent.parent
STUBS = ROOT / "applications" / "__init__.pyi"
COLUMNS = ROOT / "kerascnn" / "models" / "columns.py"
AXES = ROOT / "tuning" / "axis_names.py"
WIDTH = 100
WRITTEN_BY = (
    "Written by tools/type_stubs.py from the registry; run it again instead of editing this."
)
LONGEST_DEFAULT = 40
"""Characters; a longer default value stands as `...` in a signature."""
ITEM = re.compile(r"(\*{0,2}\w+): (.*)")
"""The first line of an argument in a docstring."""

Docs = dict[str, str]
"""Argument -> its description, in one line."""


def load_variants() -> list[Variant]:
    """Returns the records in the order of registration."""
    model_info("lenet5")  # the first question makes the registry read the tables
    return list(builders().values())


def type_text(annotation: Any) -> str:
    """Returns the source of a column's type; a family's own classes become `Any`."""
    if annotation is type(None):
        return "None"
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (types.UnionType, typing.Union):
        return " | ".join(dict.fromkeys(type_text(argument) for argument in arguments))
    if origin in (tuple, list, dict):
        inner = ", ".join("..." if part is ... else type_text(part) for part in arguments)
        return f"{origin.__name__}[{inner}]"
    return annotation.__name__ if annotation in (bool, int, float, str) else "Any"


def value_text(value: Any) -> str:
    """Returns the source of a default value, with double quotes."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, tuple):
        inner = ", ".join(value_text(part) for part in value)
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    return repr(value)


def column_types(row_type: type) -> dict[str, str]:
    """Returns column -> source of its type, for every column of a table."""
    return {name: type_text(hint) for name, hint in typing.get_type_hints(row_type).items()}


def merged_columns(variants: Iterable[Variant]) -> dict[str, tuple[str, list[str]]]:
    """Returns column -> its type and its families, over all rows; unlike types form a union."""
    parts: dict[str, dict[str, None]] = {}
    families: dict[str, dict[str, None]] = {}
    for variant in variants:
        hints = column_types(type(variant.row))
        for name in variant.own_columns:
            for part in hints[name].split(" | "):
                parts.setdefault(name, {})[part] = None
            families.setdefault(name, {})[variant.family] = None
    return {
        name: ("Any" if "Any" in parts[name] else _union(parts[name]), sorted(families[name]))
        for name in sorted(parts)
    }


def wrapped_union(union: str) -> list[str]:
    """Returns the types of a union, one a line."""
    first, *others = union.split(" | ")
    return [first, *(f"| {part}" for part in others)]


def _union(parts: Iterable[str]) -> str:
    """Returns the union of types, in alphabetical order and with None last."""
    return " | ".join(sorted(parts, key=lambda part: (part == "None", part)))


def columns_source(variants: list[Variant]) -> str:
    """Returns the source of kerascnn/models/columns.py."""
    lines = [
        '"""The types of every column that an architecture takes by keyword.',
        "",
        WRITTEN_BY,
        '"""',
        "",
        "from __future__ import annotations",
        "",
        "from typing import Any, TypedDict",
        "",
        "",
        "class Columns(TypedDict, total=False):",
        '    """The columns of all rows; `model_info(name).own_columns` has those of one row."""',
    ]
    for name, (types_, families) in merged_columns(variants).items():
        comment = textwrap.wrap(", ".join(families), WIDTH - 6)
        lines += ["", *(f"    # {line}" for line in comment)]
        if len(types_) + len(name) + 6 <= WIDTH:
            lines.append(f"    {name}: {types_}")
        else:
            lines += [
                f"    {name}: (",
                *(f"        {part}" for part in wrapped_union(types_)),
                "    )",
            ]
    return "\n".join(lines) + "\n"


def axes_source(variants: list[Variant]) -> str:
    """Returns the source of tuning/axis_names.py."""
    lines = [
        '"""The axes that a search space takes by keyword.',
        "",
        WRITTEN_BY,
        '"""',
        "",
        "from __future__ import annotations",
        "",
        "from typing import TypedDict",
        "",
        "from kerascnn.tuning.axes import Domain",
        "",
        "",
        "class Axes(TypedDict, total=False):",
        '    """Sizes and training of an architecture; `SearchSpace` explains them."""',
        "",
    ]
    names = {*NETWORK, *TRAINING, *merged_columns(variants)}
    return "\n".join([*lines, *(f"    {name}: Domain" for name in sorted(names))]) + "\n"


def argument_docs(docstring: str) -> tuple[list[str], Docs, list[str]]:
    """Splits a docstring into what precedes its arguments, the arguments, and what follows."""
    before, docs, after = [], {}, []
    section, name = before, ""
    for line in inspect.cleandoc(docstring).splitlines():
        if line == "Args:":
            section = None
        elif section is None and line.startswith("    "):
            item = ITEM.fullmatch(line[4:])
            if item is not None:
                name, docs[item[1]] = item[1], item[2]
            else:
                docs[name] += " " + line.strip()
        elif section is None and line:
            section = after
            after.append(line)
        elif section is not None:
            section.append(line)
    return before, docs, after


def wrapped(text: str, indent: int = 0) -> list[str]:
    """Returns `text` in lines that fit into a docstring; below an indented line by four more."""
    return textwrap.wrap(
        text,
        WIDTH - 8,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + 4 if indent else 0),
        break_long_words=False,
        break_on_hyphens=False,
    )


def class_name(row_type: type) -> str:
    """Returns the name of the builders of a table, such as `_LenetBuilder`."""
    stem = row_type.__module__.rpartition(".")[2].removesuffix("_rows").removesuffix("_modules")
    words = "".join(word.capitalize() for word in stem.split("_"))
    return f"_{words}{row_type.__name__.removeprefix('Row')}Builder"


def default_text(variants: list[Variant], column: str) -> str:
    """Returns the value that a column has in all rows, or `...` where they differ."""
    values = {value_text(variant.own_columns[column]) for variant in variants}
    text = values.pop()
    return "..." if values or len(text) > LONGEST_DEFAULT else text


def call_docstring(row_type: type, columns: Iterable[str]) -> list[str]:
    """Returns the lines of a builder's docstring: the arguments of `create_model`, the columns."""
    _, shared, after = argument_docs(create_model.__doc__ or "")
    before, own = [], Docs()
    for kind in filter(is_dataclass, reversed(row_type.__mro__)):
        before, docs_of_kind, _ = argument_docs(kind.__doc__ or "")
        own |= docs_of_kind
    docs = {name: text for name, text in shared.items() if name in _shared_parameters()}
    docs |= {name: own[name] for name in columns if name in own}
    lines = ["Builds the model, with fresh or with trained weights.", "", "Args:"]
    for name, text in docs.items():
        lines += wrapped(f"{name}: {text}", 4)
    if not own:  # the columns are explained together
        lines += wrapped(f"{', '.join(columns)}: {' '.join(before)}", 4)
    return [*lines, "", *after]


def _shared_parameters() -> dict[str, inspect.Parameter]:
    """Returns the parameters that every builder has."""
    _, *shared, _ = inspect.signature(create_model).parameters.values()
    return {parameter.name: parameter for parameter in shared}


def builder_class(row_type: type, variants: list[Variant]) -> list[str]:
    """Returns the source of the class that the builders of a table have for a type checker."""
    lines = [f"class {class_name(row_type)}(Variant):"]
    lines += [f"    row: {row_name(row_type)}", "    def __call__(", "        self,"]
    keyword_only = False
    for parameter in _shared_parameters().values():
        if parameter.kind is parameter.KEYWORD_ONLY and not keyword_only:
            keyword_only = True
            lines.append("        *,")
        default = value_text(parameter.default)
        lines.append(f"        {parameter.name}: {parameter.annotation} = {default},")
    hints = column_types(row_type)
    columns = list(variants[0].own_columns)
    for column in columns:
        lines.append(f"        {column}: {hints[column]} = {default_text(variants, column)},")
    lines.append("    ) -> keras.Model:")
    docstring = '"""' + "\n".join(call_docstring(row_type, columns)) + '\n"""'
    return lines + textwrap.indent(docstring, " " * 8).splitlines()


def row_name(row_type: type) -> str:
    """Returns the name under which the stubs import a table's row."""
    return class_name(row_type).removesuffix("Builder") + "Row"


def builder_constant(variant: Variant) -> list[str]:
    """Returns the source of a builder: its type, and the docstring that an editor shows."""
    columns = ", ".join(f"{name}={value_text(v)}" for name, v in variant.own_columns.items())
    headline, *description = variant.description.splitlines()
    lines = [
        f"{variant.builder}: {class_name(type(variant.row))}",
        f'"""{headline}',
    ]
    for line in description:
        lines += wrapped(line) or [""]
    return [*lines, "", *wrapped(f"Columns of its table: {columns}."), '"""']


def stubs_source(variants: list[Variant]) -> str:
    """Returns the source of applications/__init__.pyi."""
    tables: dict[type, list[Variant]] = {}
    for variant in variants:
        tables.setdefault(type(variant.row), []).append(variant)
    names = {row_name(row_type) for row_type in tables}
    if len(names) < len(tables):
        raise ValueError("two tables have the same class name in the stubs; rename a Row class")
    folder = STUBS.parent
    modules = sorted(
        path.stem
        for path in folder.iterdir()
        if (path.suffix == ".py" and path.stem != "__init__") or (path / "__init__.py").is_file()
    )
    imports = [f"from kerascnn.applications import {module} as {module}" for module in modules]
    imports += sorted(
        f"from {row_type.__module__} import {row_type.__name__} as {row_name(row_type)}"
        for row_type in tables
    )
    lines = [
        '"""The types of the builders, for editors and type checkers.',
        "",
        WRITTEN_BY,
        '"""',
        "",
        "import os",
        "from typing import Any",
        "",
        "import keras",
        "",
        *imports,
        "from kerascnn.models.registry import Variant",
        "from kerascnn.models.request import ImageShape",
        "",
        "__all__ = [  # noqa: RUF022  # in the order of the registry",
        *(f'    "{variant.builder}",' for variant in variants),
        "]",
    ]
    for row_type, members in tables.items():
        lines += ["", *builder_class(row_type, members)]
    for variant in variants:
        lines += ["", *builder_constant(variant)]
    return "\n".join(lines) + "\n"


SOURCES: dict[Path, Callable[[list[Variant]], str]] = {
    STUBS: stubs_source,
    COLUMNS: columns_source,
    AXES: axes_source,
}
"""Each file that this tool writes, and what returns its text."""

if __name__ == "__main__":
    for path, source in SOURCES.items():
        path.write_text(source(load_variants()), "utf-8")
