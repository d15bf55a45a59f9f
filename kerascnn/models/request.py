"""The arguments of a builder, checked, and the record of what built a model."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields
from typing import Any

from kerascnn.lazy import keras

ImageShape = tuple[int | None, int | None, int]
"""Height, width, channels; height and width may be open."""


@dataclass(frozen=True)
class Request:
    """What a user asked of a builder; `create_model` explains the fields."""

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
    columns: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, arguments: dict[str, Any]) -> Request:
        """Returns the request with these keyword arguments, columns of the row among them."""
        own = {one.name for one in fields(cls)}
        columns = {key: value for key, value in arguments.items() if key not in own}
        return cls(**{k: v for k, v in arguments.items() if k in own}, columns=columns)

    def arguments(self) -> dict[str, Any]:
        """Returns what differs from the defaults, as keyword arguments of the builder."""
        default = Request()
        changed = {
            one.name: getattr(self, one.name)
            for one in fields(self)
            if one.name != "columns" and getattr(self, one.name) != getattr(default, one.name)
        }
        return {**changed, **self.columns}


_NAMES = [column.name for column in fields(Request) if column.name != "columns"]
_NAMES.insert(_NAMES.index("weights") + 1, "input_tensor")
_NAMES.insert(_NAMES.index("classifier_activation") + 1, "name")
ARGUMENTS = tuple(_NAMES)
"""What every builder takes, besides the columns of its row."""


@dataclass(frozen=True)
class Provenance:
    """Where a model comes from: `create_model(name, **arguments)` builds it again."""

    name: str
    arguments: dict[str, Any]


def provenance(model: keras.Model) -> Provenance | None:
    """Returns the architecture and arguments that built `model`, or None for a foreign model."""
    found = getattr(model, "kerascnn_provenance", None)
    return found if isinstance(found, Provenance) else None
