"""The registry: every architecture by name, as a record that builds its model when called.

Does not import Keras. The family files of `kerascnn.applications` register the records; they are
imported when a function of the registry first needs them.
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
from kerascnn.models import foreign_arguments
from kerascnn.models.request import ARGUMENTS
from kerascnn.models.variant_methods import ImagesAndClasses

PHOTOGRAPH = 200
"""Rows with colour images of at least this height get ImageNet's preprocessing by default."""
Entry = TypeVar("Entry")


class UnknownModelError(UsageError):
    """No architecture has this name."""


@dataclass(frozen=True)
class Paper:
    """The paper that a family implements."""

    family: str
    title: str
    source: str
    year: int


@dataclass(frozen=True)
class Scale:
    """How a network differs in size from the paper's table: depth, width, filter size and stem.

    Args:
        depth: multiplies the repeats of every stage; the product is rounded half up, and is at
            least 1 for a stage that the table has.
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
        """Returns the number of blocks of a stage that has `count` blocks in the paper."""
        return max(min(count, 1), int(count * self.depth + 0.5))

    def channels(self, count: int, multiple: int = 1) -> int:
        """Returns the number of channels of a layer that has `count` channels in the paper."""
        if self.width == 1:
            return count
        return max(multiple, int(count * self.width / multiple + 0.5) * multiple)

    def kernel(self, paper: int) -> int:
        """Returns the filter size to use instead of the paper's."""
        return paper if self.kernel_size is None else self.kernel_size

    def pad(self, paper_kernel: int, paper_pad: int) -> int:
        """Returns the padding with which the output has the paper's size; negative is a crop."""
        return paper_pad + (self.kernel(paper_kernel) - paper_kernel) // 2

    def stretch(self, stage: Sequence[Entry]) -> list[tuple[Entry, int]]:
        """Returns the entries of a stage whose layers differ, repeated or left out by `depth`.

        A larger depth repeats every entry in its place. A smaller depth leaves out entries evenly,
        but never the last one.

        Returns:
            (entry, number of its copy, counted from 1) for each layer.
        """
        length, count = len(stage), self.repeats(len(stage))
        indices = [((step + 1) * length - 1) // count for step in range(count)]
        return [
            (stage[index], indices[:step].count(index) + 1) for step, index in enumerate(indices)
        ]


@dataclass(frozen=True)
class Top:
    """The arguments of a head: classes, final activation (None for logits), dropout rate."""

    classes: int
    activation: str | None
    dropout: float | None

    def rate(self, paper: float | None) -> float | None:
        """Returns the dropout rate to use instead of the paper's."""
        return paper if self.dropout is None else self.dropout


_create: Callable[..., keras.Model] | None = None


def set_builder(create: Callable[..., keras.Model]) -> None:
    """Sets the function that builds a model when a record is called.

    `kerascnn.create` loads weights and may not be imported from here, so it registers its
    `create_model` with this function.
    """
    global _create
    _create = create


class _RecordSignature:
    """Computes the signature of a record when it is read; the class itself has none."""

    def __get__(self, record: Variant | None, owner: type | None = None) -> Any:
        return None if record is None or _create is None else record.signature_like(_create)


@dataclass(frozen=True)
class Variant(ImagesAndClasses):
    """A row of a family's table; calling it builds the model.

    Args:
        name: the registry's name, such as "resnet50".
        builder: name of the builder function, such as "ResNet50".
        paper: title, source and year.
        body: body(image, row, scale) -> features, or (features, taps) for auxiliary heads.
        head: head(features, row, scale, top) -> predictions; with `skips`
            head(features, row, scale, top, taps).
        row: a frozen dataclass of the family with the columns of its table. The builder takes each
            column as a keyword argument. A family with several types of rows has a method
            row.for_columns(changes) -> (row, changes). It returns a row of the type that the
            changed columns select, and those of the changes that this type has.
        input_shape: height, width, channels in the paper.
        classes: number of classes in the paper.
        params: number of trainable parameters, classifier included.
        macs: multiply-accumulates for one image of `input_shape`.
        auxiliary: auxiliary(taps, row, scale, top) -> {"aux1": tensor, …}; None if the paper has no
            auxiliary classifiers.
        small_stem: whether stem="small" differs from stem="paper".
        skips: whether the head takes the body's taps, as a network with skip connections does.
        preprocessing: how images are prepared for the network. None for the default: for
            photographs a central crop and ImageNet's mean and deviation, as in torchvision; for
            small images values in [0, 1].
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

    # Read by `inspect.signature`; computing it for all records would slow down `kerascnn list`.
    __signature__ = _RecordSignature()

    def __post_init__(self) -> None:
        if self.preprocessing is None:
            height, width, channels = self.input_shape
            kind = {1: "grey", 3: "rgb"}.get(channels, "any")
            default = Preprocessing(size=(height, width), channels=kind)
            if channels == 3 and height >= PHOTOGRAPH:
                default = crop(height)
            object.__setattr__(self, "preprocessing", default)
        object.__setattr__(self, "__doc__", self._help())

    @property
    def own_columns(self) -> dict[str, Any]:
        """The columns of the row that the builder takes by keyword, with this row's values."""
        return columns_of(self.row)

    def signature_like(self, create: Callable[..., Any]) -> inspect.Signature:
        """Returns the signature of `create` without `architecture`, with this row's columns."""
        _, *shared, _ = inspect.signature(create).parameters.values()
        columns = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default)
            for name, default in self.own_columns.items()
        ]
        return inspect.Signature([*shared, *columns], return_annotation="keras.Model")

    @property
    def description(self) -> str:
        """A text that describes the architecture: paper, image size, classes and costs."""
        height, width, channels = self.input_shape
        return (
            f'{self.builder}, by name `create_model("{self.name}")`: returns a `keras.Model`.\n\n'
            f"{self.paper.title} ({self.paper.source}, {self.paper.year}).\n"
            f"{height} x {width} x {channels} pixels, {self.classes:,} classes,\n"
            f"{self.params:,} trainable parameters, {self.macs:,} multiply-accumulates."
        )

    def _help(self) -> str:
        """Returns the text that Python's `help` shows for this builder."""
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
        """Name of the family, such as "vgg"."""
        return self.paper.family

    def columns(self, changes: Mapping[str, Any]) -> Any:
        """Returns the row with some columns changed.

        Raises:
            UsageError: a name is no column of the row.
        """
        row, changes = self.row_for(changes)
        allowed = list(columns_of(row))
        for key in changes:
            if key not in allowed:
                raise UsageError(
                    f"{self.name} has no argument {key!r}{self._instead(key, allowed)}"
                )
        return replace(row, **changes)

    def _instead(self, argument: str, columns: Sequence[str]) -> str:
        """Returns the end of the error about an unknown argument: what to write instead."""
        allowed = [*columns, *ARGUMENTS]
        advice = foreign_arguments.advice(argument, allowed, published=bool(self.weights))
        if advice is not None:
            return f"; {advice}"
        near = difflib.get_close_matches(argument, allowed, 1)
        return (
            f"; did you mean {near[0]!r}?" if near else "."
        ) + f" Its own columns are: {', '.join(columns) or 'none'}"

    def row_for(self, changes: Mapping[str, Any]) -> tuple[Any, Mapping[str, Any]]:
        """Returns the row of the type that `changes` select, and the changes that this type has."""
        for_columns = getattr(self.row, "for_columns", None)
        return (self.row, changes) if for_columns is None else for_columns(changes)

    def __call__(self, *positional: Any, **arguments: Any) -> keras.Model:
        """Builds the model with `create_model`, for this architecture."""
        if _create is None:
            raise RuntimeError("import kerascnn.applications before you build from a record")
        return _create(self, *positional, **arguments)


def columns_of(row: Any) -> dict[str, Any]:
    """Returns the columns of a row that a builder takes by keyword, with the row's values."""
    return {
        column.name: getattr(row, column.name)
        for column in fields(row)
        if column.name not in ARGUMENTS  # for these names, the builder has an argument of its own
    }


_VARIANTS: dict[str, Variant] = {}


def register(variant: Variant) -> Variant:
    """Adds a record to the registry and returns it.

    Raises:
        ValueError: the name or the builder is registered already, as by a second import of a file.
    """
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
        UnknownModelError: no architecture has this name; the message lists similar names.
    """
    variants = _all()
    wanted = name.lower().replace("-", "_")
    if wanted in variants:
        return variants[wanted]
    builders = {variant.builder.lower(): variant for variant in variants.values()}
    if wanted in builders:
        return builders[wanted]
    near = difflib.get_close_matches(wanted, [*variants, *builders], 5, 0.6)
    names = list(dict.fromkeys(key if key in variants else builders[key].name for key in near))
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
