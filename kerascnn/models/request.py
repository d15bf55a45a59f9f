"""The arguments of a builder as one record, and the record of how a model was built."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields
from numbers import Integral, Rational, Real
from typing import Any

ImageShape = tuple[int | None, int | None, int]
"""Height, width, channels; height and width are None if any size is accepted."""


@dataclass(frozen=True)
class Request:
    """The arguments of a builder, which `create_model` explains; `columns` are those of the row."""

    include_top: bool = True
    weights: str | os.PathLike[str] | None = None
    input_shape: ImageShape | None = None
    pooling: str | None = None
    classes: int | None = None
    classifier_activation: str | None = "softmax"
    dropout: float | None = None
    depth: float = 1.0
    width: float = 1.0
    kernel_size: int | None = None
    stem: str = "paper"
    include_preprocessing: bool = False
    prefix: str = ""
    columns: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for argument in fields(self):
            value = getattr(self, argument.name)
            plain = _plain(value)
            if plain is not value:
                object.__setattr__(self, argument.name, plain)

    @classmethod
    def of(cls, arguments: dict[str, Any]) -> Request:
        """Returns the request of a builder's keyword arguments, which may include row columns."""
        names = {argument.name for argument in fields(cls)}
        columns = {key: value for key, value in arguments.items() if key not in names}
        shared = {key: value for key, value in arguments.items() if key in names}
        return cls(**shared, columns=columns)

    def arguments(self) -> dict[str, Any]:
        """Returns the keyword arguments of the builder that differ from the defaults."""
        default = Request()
        changed = {
            name: getattr(self, name)
            for name in (argument.name for argument in fields(self))
            if name != "columns" and getattr(self, name) != getattr(default, name)
        }
        return {**changed, **self.columns}


def _plain(value: Any) -> Any:
    """Returns a value with Python's numbers, which JSON can hold, instead of NumPy's."""
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, Integral) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, Real) and not isinstance(value, bool | Rational):
        return float(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        kind = list if isinstance(value, list) else tuple
        return kind(map(_plain, value))
    return value


_NAMES = [column.name for column in fields(Request) if column.name != "columns"]
_NAMES.insert(_NAMES.index("weights") + 1, "input_tensor")
_NAMES.insert(_NAMES.index("classifier_activation") + 1, "name")
ARGUMENTS = tuple(_NAMES)
"""Names of the arguments that every builder takes, besides the columns of its row."""


@dataclass(frozen=True)
class Provenance:
    """How a model was built: `create_model(name, **arguments)` builds it again."""

    name: str
    arguments: dict[str, Any]
