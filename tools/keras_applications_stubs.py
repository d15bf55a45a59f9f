"""Writes the types of `kerascnn.keras_applications`, for editors and type checkers.

    python tools/keras_applications_stubs.py    (or: make stubs)

The functions and submodules are made at run time, where no type checker sees them. This tool writes
kerascnn/keras_applications/__init__.pyi and one file for each submodule of keras.applications. A
test compares them with the tables.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

from kerascnn.keras_applications.modules import KERAS_OWN, UTILITIES, contents, further_rows

FOLDER = Path(__file__).resolve().parent.parent / "kerascnn" / "keras_applications"
PACKAGE = "kerascnn.keras_applications"
HEADER = '''\
"""The types of {what}, for editors and type checkers.

Written by tools/keras_applications_stubs.py; run it again instead of editing this.
"""
'''
TYPES = {
    "include_top": "bool",
    "weights": "str | os.PathLike[str] | None",
    "input_tensor": "Any",
    "input_shape": "ImageShape | None",
    "pooling": "str | None",
    "classes": "int",
    "classifier_activation": "Any",
    "alpha": "float",
    "depth_multiplier": "int",
    "dropout": "float",
    "dropout_rate": "float",
    "minimalistic": "bool",
    "include_preprocessing": "bool",
    "name": "str | None",
}
SUBMODULE = '''
class _Submodule(Protocol):
    """The submodule of a row that keras.applications does not have."""

    @staticmethod
    def preprocess_input(x: Any, data_format: str | None = None) -> Any: ...
    @staticmethod
    def decode_predictions(preds: Any, top: int = 5) -> list[list[tuple[str, str, float]]]: ...
    def __getattr__(self, name: str) -> Any: ...
'''


def natural(name: str) -> list[Any]:
    """Returns the key that sorts names with numbers in the order of the numbers."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def function_source(name: str, function: Any) -> list[str]:
    """Returns the source of a builder's type."""
    lines = [f"def {name}("]
    for key, parameter in inspect.signature(function).parameters.items():
        default = parameter.default
        text = f'"{default}"' if isinstance(default, str) else repr(default)
        lines.append(f"    {key}: {TYPES[key]} = {text},")
    summary = (inspect.getdoc(function) or "").partition("\n")[0]
    return [*lines, ") -> keras.Model:", f'    """{summary}"""', ""]


def package_source() -> str:
    """Returns the source of __init__.pyi."""
    known = contents()
    rows = further_rows()
    lines = [
        HEADER.format(what="the builders and submodules"),
        "import os",
        "from typing import Any, Protocol",
        "",
        "import keras",
        "",
        *(
            f"from {PACKAGE} import {name} as {name}"
            for name in sorted(known)
            if name and name not in rows
        ),
        "from kerascnn.models.request import ImageShape",
        SUBMODULE,
    ]
    for name, function in sorted(known[""].items()):
        lines += function_source(name, function)
    for name in sorted(name for _, group in KERAS_OWN.values() for name in group):
        lines.append(f"def {name}(*args: Any, **kwargs: Any) -> keras.Model: ...")
    lines += ["", *(f"{row}: _Submodule" for row in rows)]
    return "\n".join(lines) + "\n"


def submodule_source(name: str) -> str:
    """Returns the source of the types of a submodule."""
    builders = [each for each in contents()[name] if each[0].isupper()]
    if name in KERAS_OWN:
        builders += KERAS_OWN[name][1]
    lines = [HEADER.format(what=f"keras.applications.{name}")]
    if name != UTILITIES:
        lines += ["from typing import Any", ""]
    lines += [f"from {PACKAGE} import {each} as {each}" for each in sorted(builders, key=natural)]
    lines.append(f"from {PACKAGE}.preprocessing import decode_predictions as decode_predictions")
    if name == UTILITIES:
        lines.append(f"from {PACKAGE}.preprocessing import preprocess_input as preprocess_input")
    else:
        lines += ["", "def preprocess_input(x: Any, data_format: str | None = None) -> Any: ..."]
    return "\n".join(lines) + "\n"


def sources() -> dict[Path, str]:
    """Returns the source of every file that this tool writes."""
    rows = further_rows()
    names = [name for name in contents() if name and name not in rows]
    files = {FOLDER / f"{name}.pyi": submodule_source(name) for name in names}
    return {FOLDER / "__init__.pyi": package_source(), **files}


def main() -> None:
    """Writes the files that differ."""
    for path, source in sources().items():
        if not path.exists() or path.read_text("utf-8") != source:
            path.write_text(source, "utf-8")
            print(f"wrote {path.name}")


if __name__ == "__main__":
    main()
