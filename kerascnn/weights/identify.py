"""Finds the rows of the registry, and their arguments, whose weights a file may hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from kerascnn.imaging.preprocessing import Preprocessing
from kerascnn.models.planning import resolve
from kerascnn.models.registry import list_models, model_info
from kerascnn.models.request import Request
from kerascnn.published.record import Published
from kerascnn.weights.adopt_file import likely
from kerascnn.weights.formats.checkpoint import Checkpoint
from kerascnn.weights.formats.tensor_table import StoredTensor
from kerascnn.weights.infer_arguments import Fit, fit_of, improved, modules_of
from kerascnn.weights.load_report import LoadError
from kerascnn.weights.source_network import builder_call, find_network

MAXIMUM_TENSORS = 5_000
"""Files with more tensors are not compared with the registry; no row has as many."""
MINIMUM_FRACTION = 0.3
"""Rows with a smaller fraction of agreeing tensors are not returned."""
IMPROVED = 6
"""The most rows whose arguments are inferred, those with the most agreeing names."""
PLAIN = {"classes", "include_top", "input_shape"}
"""Arguments that leave the network that of the row's paper."""
BACKGROUND = "background"
"""The additional first class that some publishers give their networks."""

START = Request()


@dataclass(frozen=True)
class Candidate:
    """A row of the registry whose weights a file may hold.

    Args:
        row: the row's name.
        source: the library whose names the tensors have.
        fraction: fraction of all tensors, of the row and of the file, that agree in name and shape,
            from 0 to 1.
        arguments: the builder's arguments with which they agree.
        exact: whether all tensors agree.
        preprocessing: that with which the source's weights of this row are published; None if this
            is not known.
        class_names: ImageNet's, if the source has published weights of the row with as many
            classes; None if they are not known.
    """

    row: str
    source: str
    fraction: float
    arguments: Mapping[str, Any] = field(default_factory=dict)
    exact: bool = False
    preprocessing: Preprocessing | None = None
    class_names: tuple[str, ...] | None = None

    @property
    def text(self) -> str:
        """The row and the arguments that make another network of it, for messages."""
        arguments = [f"{name}={value!r}" for name, value in self.arguments.items()]
        return f"{self.row} with {', '.join(arguments)}" if arguments else self.row

    @property
    def call(self) -> str:
        """The call of `create_model` that builds the network."""
        return builder_call(self.row, self.arguments)


def identify(
    checkpoint: Checkpoint,
    record: Mapping[str, Any],
    row: str | None = None,
    start: Request = START,
    most: int = 5,
) -> list[Candidate]:
    """Returns the rows whose tensors agree with a file's in name and shape, the best first.

    The arguments of a candidate include the columns that the network of the file's source needs.

    Args:
        checkpoint: the open file; the values of its tensors are not read.
        record: what `save_weights` recorded in it; empty for other files.
        row: the only row to compare; None compares all.
        start: arguments with which the rows are compared first.
        most: largest number of candidates to return.
    """
    candidates = []
    for name, fit in fits_of(checkpoint.tensors, [row] if row else list_models(), start):
        variant, request = model_info(name), fit.request
        try:
            finding = find_network(checkpoint, record, fit.source, variant, request)
        except LoadError:  # no row computes the network of the source
            fit = replace(fit, exact=False)
        else:
            needed = finding.differing(variant, request.columns)
            request = replace(request, columns={**request.columns, **needed})
        published = likely(checkpoint, fit.source, name)
        candidates.append(
            Candidate(
                name,
                fit.source,
                fit.fraction,
                request.arguments(),
                fit.exact,
                published.preprocessing if published is not None else None,
                _class_names(published, request),
            )
        )
    candidates.sort(key=_rank)
    networks: dict[Any, Candidate] = {}
    for candidate in candidates:
        networks.setdefault(_network(candidate), candidate)
    return list(networks.values())[:most]


def equals(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Returns the candidates that fit completely, and equally well; empty if none fits."""
    exact = [candidate for candidate in candidates if candidate.exact]
    return [candidate for candidate in exact if _effort(candidate) == _effort(exact[0])]


def fitting_text(candidates: Sequence[Candidate]) -> str:
    """Returns a description of the networks that fit a file, for messages."""
    equal = equals(candidates)
    if equal:
        names = [candidate.text for candidate in equal]
        ending = " equally well" if len(names) > 1 else f" completely ({equal[0].source})"
        return f"{' and '.join(names)}{ending}"
    near = [f"{other.text} {other.fraction:.0%} ({other.source})" for other in candidates]
    return f"none completely; {', '.join(near)}" if near else "no architecture of the registry"


def fits_of(
    tensors: Mapping[str, StoredTensor], rows: Sequence[str], start: Request = START
) -> list[tuple[str, Fit]]:
    """Returns the rows whose tensors agree with a file's, with the arguments that make them fit.

    Args:
        tensors: the file's tensors by name.
        rows: the rows to compare.
        start: arguments with which they are compared first.
    """
    if len(tensors) > MAXIMUM_TENSORS:
        return []
    modules = modules_of(tensors)
    fits = [(row, fit_of(tensors, modules, model_info(row), start)) for row in rows]
    fits.sort(key=lambda item: (-item[1].fraction, -item[1].named))
    if not any(fit.exact for _, fit in fits):
        better: dict[str, Fit] = {}
        enough = MINIMUM_FRACTION
        for row, fit in sorted(fits, key=lambda item: -item[1].named)[:IMPROVED]:
            if fit.named < enough:
                break
            better[row] = improved(tensors, model_info(row), fit)
            if better[row].exact:
                enough = max(enough, fit.named)
        fits = [(row, better.get(row, fit)) for row, fit in fits]
    return [(row, fit) for row, fit in fits if fit.fraction > MINIMUM_FRACTION]


def _network(candidate: Candidate) -> tuple[Any, ...]:
    """Returns what the network is, which several rows may be with their arguments."""
    variant, request = model_info(candidate.row), Request.of(dict(candidate.arguments))
    shared = repr(replace(resolve(variant, request), columns={}))
    return variant.body, variant.head, repr(variant.columns(request.columns)), shared


def _effort(candidate: Candidate) -> int:
    """Returns the number of arguments that make the network another than that of the row."""
    return len(set(candidate.arguments) - PLAIN)


def _rank(candidate: Candidate) -> tuple[bool, int, float]:
    return not candidate.exact, _effort(candidate) if candidate.exact else 0, -candidate.fraction


def _class_names(published: Published | None, request: Request) -> tuple[str, ...] | None:
    """Returns the names of the published classes, for a file that has as many of them."""
    if published is None or not request.include_top:
        return None
    names = published.class_names
    classes = request.classes or model_info(published.row).classes
    with_background = (BACKGROUND, *names)
    return {len(names): names, len(with_background): with_background}.get(classes)
