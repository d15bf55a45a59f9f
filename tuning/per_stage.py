"""Depth, width and filter size stage by stage, where a family's table has a column for it.

The new column is the old one scaled with the same rules as the whole network's (`registry.Scale`),
so no architecture is written down twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

from kerascnn.models.registry import Scale

Scaling = Callable[[Any, Scale, int], Any]


@dataclass(frozen=True)
class StageColumn:
    """A column with one entry a stage.

    Args:
        column: its name.
        count: how many stages it has.
        scale: scale(entry, factors, multiple) -> the stage's new entry.
        multiple: that channels are rounded to.
        stem: the column of what comes before the first stage and is as wide.
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
        # Shortcuts of the first stage need a stem of its width.
        first = factors[0].channels(getattr(row, self.stem), self.multiple)
        return {self.column: stages, self.stem: first}


def _entries(row: Any, column: str, count: int) -> tuple[Any, ...]:
    value = getattr(row, column)
    if isinstance(value, tuple):
        return value
    if column == "filters":  # convnet's one number stands for the first stage; then it doubles
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
    """Returns the column through which an axis can be set stage by stage, or None.

    depth: residual networks, DenseNet, ShuffleNet, VGG, MobileNet v1 and v2. width: the same but
    DenseNet, and AlexNet, ZFNet and convnet. kernel_size: convnet.

    Args:
        row: the columns of an architecture's table.
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
