"""Depth, width and filter size for each stage, if the table of a family has a column for it.

The new column is the old one, scaled with the same rules as those for the whole network
(`registry.Scale`), so no architecture is defined twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

from kerascnn.models.registry import Scale

Scaling = Callable[[Any, Scale, int], Any]


@dataclass(frozen=True)
class StageColumn:
    """A column of a table with one entry for each stage.

    Args:
        column: the name of the column.
        count: the number of stages.
        scale: scale(entry, factors, multiple) returns the new entry of a stage.
        multiple: channel counts are rounded to a multiple of this.
        stem: the column of the layer before the first stage, which has the same width; or None.
    """

    column: str
    count: int
    scale: Scaling
    multiple: int = 1
    stem: str | None = None

    def changed(self, row: Any, factors: Sequence[Scale]) -> dict[str, Any]:
        """Returns the columns with each stage scaled by its own factors."""
        entries = _entries(row, self.column, self.count)
        stages = tuple(
            self.scale(entry, factor, self.multiple)
            for entry, factor in zip(entries, factors, strict=True)
        )
        if self.stem is None:
            return {self.column: stages}
        # The shortcuts of the first stage need a stem of the same width.
        first = factors[0].channels(getattr(row, self.stem), self.multiple)
        return {self.column: stages, self.stem: first}


def _entries(row: Any, column: str, count: int) -> tuple[Any, ...]:
    value = getattr(row, column)
    if isinstance(value, tuple):
        return value
    if (
        column == "filters"
    ):  # a single number of convnet is that of the first stage; then it doubles
        return tuple(value * 2**stage for stage in range(count))
    return (value,) * count


def _repeats(entry: int, scale: Scale, multiple: int) -> int:
    return scale.repeats(entry)


def _channels(entry: int, scale: Scale, multiple: int) -> int:
    return scale.channels(entry, multiple)


def _kernel(entry: int, scale: Scale, multiple: int) -> int:
    return scale.kernel(entry)


def _layers(entry: Sequence[Any], scale: Scale, multiple: int) -> tuple[Any, ...]:
    return tuple(layer for layer, _ in scale.stretch(entry))


def _line_repeats(entry: tuple[int, ...], scale: Scale, multiple: int) -> tuple[int, ...]:
    *front, repeats, stride = entry
    return (*front, scale.repeats(repeats), stride)


def _line_channels(entry: tuple[int, ...], scale: Scale, multiple: int) -> tuple[int, ...]:
    *front, channels, repeats, stride = entry
    return (*front, scale.channels(channels, multiple), repeats, stride)


def stage_column(row: Any, axis: str) -> StageColumn | None:
    """Returns the column that sets an axis stage by stage, or None if the table has none.

    depth: residual networks, DenseNet, ShuffleNet, VGG, MobileNet v1 and v2. width: the same except
    DenseNet, and also AlexNet, ZFNet and convnet. kernel_size: convnet.

    Args:
        row: the columns of an architecture.
        axis: "depth", "width" or "kernel_size".
    """
    names = {field.name for field in fields(row)}
    lines = "stages" in names and "filters" not in names  # MobileNet's (…, channels, n, stride)
    stages = getattr(row, "m", None)  # convnet's number of stages
    if axis == "depth":
        for column in ("repeats", "layers"):
            if column in names:
                return StageColumn(column, len(getattr(row, column)), _repeats)
        if "stages" in names:
            return StageColumn("stages", len(row.stages), _line_repeats if lines else _layers)
    if axis == "width":
        if lines:
            return StageColumn("stages", len(row.stages), _line_channels, 8, "first")
        if "channels" in names:
            stem = "first" if "first" in names else "stem_channels"
            groups = row.groups if "block" not in names and "groups" in names else 1
            return StageColumn("channels", len(row.channels), _channels, 4 * groups, stem)
        if "filters" in names and (stages or isinstance(row.filters, tuple)):
            grouped = max(getattr(row, "groups", (1,)))
            return StageColumn("filters", stages or len(row.filters), _channels, grouped)
    if axis == "kernel_size" and "filter_size" in names:
        return StageColumn("filter_size", stages or 1, _kernel)
    return None
