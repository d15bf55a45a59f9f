"""The registry: every architecture by name, as a record that builds its model when called.

Standard library only. The records are entered by the family files of `kerascnn.applications`, which
are read when the registry is first asked.
"""

from __future__ import annotations

import difflib
import fnmatch
import importlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, TypeVar

from kerascnn.errors import UsageError
from kerascnn.imaging.preprocessing import Preprocessing, crop
from kerascnn.lazy import keras
from kerascnn.models.request import ARGUMENTS

PHOTOGRAPH = 200
"""From this many pixels a side, a row in colour is taken to be for ImageNet's photographs."""
Entry = TypeVar("Entry")


class UnknownModelError(UsageError):
    """No architecture has this name."""


@dataclass(frozen=True)
class Paper:
    """Where a family comes from."""

    family: str
    title: str
    source: str
    year: int


@dataclass(frozen=True)
class Scale:
    """The axes of every builder: multipliers on the paper's table, and its spatial filter size.

    Args:
        depth: multiplies the repeats of every stage; a product is rounded half up, and a stage that
            the table has keeps at least one.
        width: multiplies every channel count; rounded half up to the family's multiple, at least
            one multiple. 1.0 gives the table's own counts.
        kernel_size: replaces the family's spatial filter size, odd; None keeps the paper's.
        stem: "paper", or "small" for a first layer of stride 1.
    """

    depth: float = 1.0
    width: float = 1.0
    kernel_size: int | None = None
    stem: str = "paper"

    def repeats(self, count: int) -> int:
        """Returns how many blocks a stage of `count` has at this depth."""
        return max(min(count, 1), int(count * self.depth + 0.5))

    def channels(self, count: int, multiple: int = 1) -> int:
        """Returns how many channels a layer of `count` has at this width."""
        if self.width == 1:
            return count
        return max(multiple, int(count * self.width / multiple + 0.5) * multiple)

    def kernel(self, paper: int) -> int:
        """Returns the filter size in place of the paper's."""
        return paper if self.kernel_size is None else self.kernel_size

    def pad(self, paper_kernel: int, paper_pad: int) -> int:
        """Returns the padding that keeps the paper's output size; negative means cropping."""
        return paper_pad + (self.kernel(paper_kernel) - paper_kernel) // 2

    def stretch(self, stage: Sequence[Entry]) -> list[tuple[Entry, int]]:
        """Returns a stage of unlike layers at this depth, each with the number of its copy from 1.

        Deeper, every entry is repeated in its place; shallower, entries are left out evenly, the
        last one never.
        """
        given, count = len(stage), self.repeats(len(stage))
        picked = [((step + 1) * given - 1) // count for step in range(count)]
        return [(stage[one], picked[:step].count(one) + 1) for step, one in enumerate(picked)]


@dataclass(frozen=True)
class Top:
    """What a head needs to know: classes, final activation (None for logits), dropout rate."""

    classes: int
    activation: str | None
    dropout: float | None

    def rate(self, paper: float | None) -> float | None:
        """Returns the dropout rate in place of the paper's."""
        return paper if self.dropout is None else self.dropout


_create: Callable[..., keras.Model] | None = None


def set_builder(create: Callable[..., keras.Model]) -> None:
    """Sets what builds the model of a record when the record is called.

    `kerascnn.create` lies above this module, since it loads weights, and enters itself here.
    """
    global _create
    _create = create


@dataclass(frozen=True)
class Variant:
    """A row of a family's table; calling it builds the model.

    Args:
        name: the registry's name, such as "resnet50".
        builder: the same in the paper's capitals, such as "ResNet50".
        paper: title, source and year.
        body: body(image, row, scale) -> features, or (features, taps) for auxiliary heads.
        head: head(features, row, scale, top) -> predictions; with `skips` it is given the taps too.
        row: a frozen dataclass of the family: the columns of its table. Each can be given to the
            builder by keyword. A family with several types of rows has a method
            row.for_columns(changes) -> (row, changes): the type they select, what it takes.
        input_shape: height, width, channels of the paper.
        classes: number of classes of the paper.
        params: trainable parameters, classifier included.
        macs: multiply-accumulates for one image of `input_shape`.
        auxiliary: auxiliary(taps, row, scale, top) -> {"aux1": tensor, …}, where a paper has them.
        small_stem: whether stem="small" differs from the paper's.
        skips: whether the head joins the body's taps: head(features, row, scale, top, taps).
        preprocessing: how pixels get into the network. None for ImageNet's mean and deviation of
            the centre of a photograph, as torchvision has them, and for small images for values in
            [0, 1].
    """

    name: str
    builder: str
    paper: Paper
    body: Callable[..., Any]
    head: Callable[..., Any]
    row: Any
    input_shape: tuple[int, int, int]
    classes: int
    params: int
    macs: int
    auxiliary: Callable[..., Any] | None = None
    small_stem: bool = False
    skips: bool = False
    preprocessing: Preprocessing = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        if self.preprocessing is None:
            height, width, channels = self.input_shape
            kind = {1: "grey", 3: "rgb"}.get(channels, "any")
            usual = Preprocessing(size=(height, width), channels=kind)
            if channels == 3 and height >= PHOTOGRAPH:
                usual = crop(height)
            object.__setattr__(self, "preprocessing", usual)
        object.__setattr__(self, "__doc__", self._explained())
        if _create is not None:
            object.__setattr__(self, "__signature__", self._signature(_create))

    @property
    def own_columns(self) -> dict[str, Any]:
        """The columns of the row that a builder takes by keyword, with this row's values."""
        return columns_of(self.row)

    def _signature(self, create: Callable[..., Any]) -> inspect.Signature:
        """Returns `create_model`'s signature with this row's columns in place of a name."""
        _, *shared, _ = inspect.signature(create).parameters.values()
        columns = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default)
            for name, default in self.own_columns.items()
        ]
        return inspect.Signature([*shared, *columns], return_annotation="keras.Model")

    @property
    def description(self) -> str:
        """What the builder builds: paper, size of the images, classes and costs."""
        height, width, channels = self.input_shape
        return (
            f'{self.builder}, by name `create_model("{self.name}")`: returns a `keras.Model`.\n\n'
            f"{self.paper.title} ({self.paper.source}, {self.paper.year}).\n"
            f"{height} x {width} x {channels} pixels, {self.classes:,} classes,\n"
            f"{self.params:,} trainable parameters, {self.macs:,} multiply-accumulates."
        )

    def _explained(self) -> str:
        """Returns what `help` shows of this builder."""
        columns = [f"    {name}={default!r}" for name, default in self.own_columns.items()]
        lines = [
            self.description,
            "",
            "Args, which `kerascnn.create_model` explains:",
            *(f"    {', '.join(part)}" for part in (ARGUMENTS[:8], ARGUMENTS[8:])),
        ]
        if columns:
            lines += ["", "and, by keyword, the columns of its table:", *columns]
            rows = [kind for kind in reversed(type(self.row).__mro__) if is_dataclass(kind)]
            for kind in rows:
                lines += ["", inspect.cleandoc(kind.__doc__ or "")]
        return "\n".join(lines)

    @property
    def family(self) -> str:
        return self.paper.family

    @property
    def weights(self) -> tuple[str, ...]:
        """Tags of the published weights, the default first."""
        catalogue = importlib.import_module("kerascnn.published.catalogue")
        return tuple(one.tag for one in catalogue.checkpoints(self.name))

    def columns(self, changes: Mapping[str, Any]) -> Any:
        """Returns the row with some columns changed; a name that is no column is refused."""
        row, changes = self.row_for(changes)
        allowed = list(columns_of(row))
        for key in changes:
            if key not in allowed:
                near = difflib.get_close_matches(key, [*allowed, *ARGUMENTS], 1)
                raise UsageError(
                    f"{self.name} has no argument {key!r}"
                    + (f"; did you mean {near[0]!r}?" if near else ".")
                    + f" Its own columns are: {', '.join(allowed) or 'none'}"
                )
        return replace(row, **changes)

    def row_for(self, changes: Mapping[str, Any]) -> tuple[Any, Mapping[str, Any]]:
        """Returns the row, of the type that `changes` select, and those of them that it takes."""
        for_columns = getattr(self.row, "for_columns", None)
        return (self.row, changes) if for_columns is None else for_columns(changes)

    def __call__(self, *positional: Any, **arguments: Any) -> keras.Model:
        """Builds the model: `create_model` with this record in place of a name."""
        if _create is None:
            raise RuntimeError("import kerascnn.applications before building from a record")
        return _create(self, *positional, **arguments)


def columns_of(row: Any) -> dict[str, Any]:
    """Returns the columns of a row that a builder takes by keyword."""
    return {
        column.name: getattr(row, column.name)
        for column in fields(row)
        if column.name not in ARGUMENTS  # the builder's own argument scales this one
    }


_VARIANTS: dict[str, Variant] = {}


def register(variant: Variant) -> Variant:
    """Enters a record; a taken name or builder is refused, which exposes a double import."""
    for known in _VARIANTS.values():
        if variant.name == known.name or variant.builder == known.builder:
            raise ValueError(f"{variant.name} ({variant.builder}) is registered twice")
    _VARIANTS[variant.name] = variant
    return variant


def _all() -> dict[str, Variant]:
    importlib.import_module("kerascnn.applications")
    return _VARIANTS


def model_info(name: str) -> Variant:
    """Returns the record of an architecture.

    Args:
        name: the registry's name or the builder's, in any case: "resnet50", "ResNet50".

    Raises:
        UnknownModelError: no architecture is called so; the message names the nearest.
    """
    variants = _all()
    wanted = name.lower().replace("-", "_")
    if wanted in variants:
        return variants[wanted]
    builders = {variant.builder.lower(): variant for variant in variants.values()}
    if wanted in builders:
        return builders[wanted]
    near = difflib.get_close_matches(wanted, [*variants, *builders], 5, 0.6)
    names = list(dict.fromkeys(one if one in variants else builders[one].name for one in near))
    raise UnknownModelError(
        f"no model is called {name!r}; "
        + (f"the nearest are: {', '.join(names)}" if names else "`kerascnn list` shows them all")
    )


def list_models(pattern: str = "*", family: str | None = None) -> list[str]:
    """Returns the sorted names of the architectures.

    Args:
        pattern: shell wildcards, such as "*resnet*".
        family: only this family, such as "vgg".

    Raises:
        UsageError: there is no such family.
    """
    variants = _all()
    families = {variant.family for variant in variants.values()}
    if family is not None and family not in families:
        raise UsageError(f"no family {family!r}; the families are: {', '.join(sorted(families))}")
    return sorted(
        name
        for name, variant in variants.items()
        if fnmatch.fnmatchcase(name, pattern.lower()) and family in (None, variant.family)
    )


def builders() -> dict[str, Variant]:
    """Returns the records by their builders' names, in the order of registration."""
    return {variant.builder: variant for variant in _VARIANTS.values()}
