"""Finds out which network a file's tensors are of, where their names and shapes do not tell.

Two networks can have the same tensors and compute different results: a stride in another
convolution, another padding, another pool. The name map of a family states what each source's
network does; a file of `save_weights` records it. The result is compared with the model's row.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kerascnn.errors import DataError, MismatchError, UsageError
from kerascnn.fileio.untrusted import named, open_regular
from kerascnn.models.costs import Plan
from kerascnn.models.planning import plan
from kerascnn.models.provenance import provenance
from kerascnn.models.registry import Variant, model_info
from kerascnn.models.request import Provenance, Request
from kerascnn.models.summary import plan_of
from kerascnn.weights import file_metadata
from kerascnn.weights.expected_shapes import expected
from kerascnn.weights.formats.checkpoint import Checkpoint, naming, open_checkpoint
from kerascnn.weights.keras_graph import (
    PADS,
    differences,
    epsilons,
    graph_of_config,
    graph_of_plan,
)
from kerascnn.weights.load_report import LoadError
from kerascnn.weights.match_names import ORDER, RECOGNISED, Match, best_match
from kerascnn.weights.name_maps import layouts, networks
from kerascnn.weights.name_maps.layout import OURS, SourceNetwork
from kerascnn.weights.target_model import TargetModel

CONFIG = "config.json"
"""The file beside weights in which timm and Hugging Face's hub describe the network."""
CONFIG_LIMIT = 2**20
CONFIG_KEYS = ("architecture", "arch")
"""Keys of a configuration, or of a file's metadata, for the name of the network."""
CONFIG_SETTINGS = (
    "downsample_in_bottleneck", "downsample_in_first_stage", "hidden_act", "output_stride",
    "tf_padding",
)  # fmt: skip
"""Keys of a configuration of transformers for what no tensor shows."""
FOLDER = "the name of its folder"
PARENTS = 4
"""Folders above a file whose names may tell the network, as in a hub's cache."""
INVISIBLE = (
    "padding", "stride_in", "stride_at", "ceil_pool", "border_counts", "lrn", "pad", "pool4",
    "skip_reduction", "border_maximum", "pool",
)  # fmt: skip
"""Columns of our rows that change results and no tensor's shape."""
WITHOUT_WEIGHTS = ("A", "none")
"""Shortcuts that have no tensors."""


@dataclass(frozen=True)
class Finding:
    """The network that a file's tensors are of.

    Args:
        network: what it computes.
        text: a description for messages and reports.
        warnings: what is not known, one sentence each.
        differences: in which layers it differs from the model, besides those of the columns.
        call: that builds it, for a network of this package.
    """

    network: SourceNetwork
    text: str
    warnings: tuple[str, ...] = ()
    differences: tuple[str, ...] = ()
    call: str = ""

    def differing(self, variant: Variant, columns: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the columns, with the file's values, in which the file's network is another.

        Args:
            variant: the record of the model's architecture.
            columns: the columns that the model changes.
        """
        row = variant.columns(columns)
        return {
            name: value
            for name, value in self.network.columns.items()
            if hasattr(row, name) and getattr(row, name) != value
        }


def find_network(
    checkpoint: Checkpoint,
    record: Mapping[str, Any],
    source: str,
    variant: Variant,
    request: Request,
) -> Finding:
    """Returns the network that a file's tensors are of.

    Args:
        checkpoint: the open file.
        record: what `save_weights` recorded in it; empty for other files.
        source: the naming of its tensors; see `match_names.Match`.
        variant: the architecture of the model that the file's tensors fit.
        request: how that model is built.

    Raises:
        LoadError: the file is of a network that no row can compute.
    """
    row = variant.columns(request.columns)
    if source == OURS:
        return _recorded(record, variant, request)
    stem = _stem_warning("paper", request.stem) if variant.small_stem else ()
    known = networks(variant.family, source, row)
    name, evidence = _named(checkpoint, known)
    if name is not None and name.unsupported:
        raise LoadError(
            f"{named(checkpoint.path)}: by {evidence} it is of a network {name.unsupported}; its "
            f"tensors fit {variant.name}, which computes something else, and no architecture of "
            "this package computes that"
        )
    if name is not None:
        return Finding(name, f"{source}'s network, by {evidence}", stem)
    possible = [network for network in known if not network.unsupported]
    # One that needs no name is the usual one: another is taken by evidence only.
    possible = [network for network in possible if not network.names] or possible
    network = next((option for option in possible if _fits(option, row)), possible[0])
    if not network.names or len(known) == 1:
        return Finding(network, f"{source}'s network", stem)
    others = " or ".join(other.unsupported or f"with {_text(other.columns)}" for other in known)
    return Finding(
        network,
        f"{source}'s network with {_text(network.columns)}",
        (
            f"nothing in the file says which of {len(known)} networks its tensors are of: {others}"
            f"; {_text(network.columns)} was assumed; rename the file to the source's name of its "
            "network to settle it",
            *stem,
        ),
    )


def unknown_network(source: str) -> Finding:
    """Returns the finding for tensors whose names tell no library."""
    if source != ORDER:
        return Finding(SourceNetwork(), "a model that is not of the registry")
    return Finding(
        SourceNetwork(),
        "a network that the file does not describe",
        (
            "the tensors were matched by their order, and nothing in the file tells strides, "
            "padding, pools or activations; compare the results with those of the source",
        ),
    )


def described_network(checkpoint: Checkpoint, target: TargetModel, match: Match) -> Finding:
    """Returns the network that a Keras file's own configuration describes.

    Raises:
        LoadError: it computes something else than the model.
    """
    origin = provenance(target.model)
    try:
        if origin is None:
            network_plan = plan_of(target.model)
        else:
            network_plan = plan(model_info(origin.name), Request.of(origin.arguments))
    except UsageError:  # a layer is used twice
        return unknown_network(match.source)
    theirs = graph_of_config(checkpoint.contents.config)
    modules = {name.rpartition("/")[0]: key.rpartition("/")[0] for name, key in match.keys.items()}
    texts = differences(graph_of_plan(network_plan), theirs, modules, _map_shapes(network_plan))
    if texts:
        raise LoadError(
            f"{named(checkpoint.path)}: its configuration describes another network than "
            f"{target.model.name}: {'; '.join(texts[:2])}; build a model with these layers and "
            "load it into that"
        )
    known = set(epsilons(theirs, modules).values())
    if len(known) > 1:
        raise LoadError(
            f"{named(checkpoint.path)}: its batch norms have {len(known)} different epsilons, "
            "which a load cannot adapt"
        )
    network = SourceNetwork({}, known.pop() if known else None)
    return Finding(network, "the network that its configuration describes")


def _map_shapes(network_plan: Plan) -> dict[str, tuple[int | None, ...]]:
    """Returns the shape of the map that each layer reads, before a layer that only pads it."""
    shapes = {}
    for entry in network_plan.entries.values():
        tensor = entry.inputs[0]
        before = network_plan.entries.get(tensor.source)
        if before is not None and before.kind in PADS:
            tensor = before.inputs[0]
        shapes[entry.name] = tensor.shape
    return shapes


def check(checkpoint: Checkpoint, finding: Finding, origin: Provenance, name: str) -> None:
    """Raises LoadError if a model computes another network than the file's tensors are of.

    Args:
        checkpoint: the open file.
        finding: its network.
        origin: how the model was built.
        name: of the model, for the message.
    """
    variant, columns = model_info(origin.name), Request.of(origin.arguments).columns
    differing = finding.differing(variant, columns)
    if differing:
        row = variant.columns(columns)
        here = _text({column: getattr(row, column) for column in differing})
        call = builder_call(origin.name, {**origin.arguments, **differing})
        raise LoadError(
            f"{named(checkpoint.path)}: is of {finding.text}, which has {_text(differing)}, and "
            f"{name} has {here}; build {call} and load it into that"
        )
    if finding.differences:
        texts = "; ".join(finding.differences[:2])
        raise LoadError(
            f"{named(checkpoint.path)}: is of {finding.text}: {texts}; build {finding.call} and "
            "load it into that"
        )


def with_needed_columns(path: Path, variant: Variant, request: Request) -> Request:
    """Returns the request with the columns that the network of a file has.

    Args:
        path: a file of weights; only its header is read.
        variant: the architecture.
        request: the builder's arguments.

    Raises:
        MismatchError: an argument contradicts the file.
        DataError, DamagedFileError, UnsafeFileError: as `open_checkpoint`.
    """
    with open_checkpoint(path) as checkpoint:
        with naming(path):
            record = file_metadata.opened(checkpoint.metadata)
        layers = expected(plan(variant, request))
        match = best_match(checkpoint.tensors, layers, variant.family)
        if match.fraction(layers) < RECOGNISED:
            return request  # the load raises the error
        finding = find_network(checkpoint, record, match.source, variant, request)
    needed = finding.differing(variant, request.columns)
    refused = {name: request.columns[name] for name in needed if name in request.columns}
    if refused:
        there = _text({name: needed[name] for name in refused})
        raise MismatchError(
            f"{named(path)} is of {finding.text}, which has {there}, and the builder got "
            f"{_text(refused)}; leave that out"
        )
    return replace(request, columns={**request.columns, **needed})


def builder_call(row: str, arguments: Mapping[str, Any]) -> str:
    """Returns the call of `create_model` that builds a network, as a user types it."""
    texts = [f'"{row}"', *(f"{name}={value!r}" for name, value in arguments.items())]
    return f"create_model({', '.join(texts)})"


def _fits(network: SourceNetwork, row: Any) -> bool:
    return all(getattr(row, name, value) == value for name, value in network.columns.items())


def _text(columns: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in columns.items())


def _recorded(record: Mapping[str, Any], variant: Variant, request: Request) -> Finding:
    """Returns the network that `save_weights` recorded; all of the row if there is no record."""
    row = variant.columns(request.columns)
    name, arguments = record.get("row"), record.get("arguments")
    if not isinstance(name, str) or not isinstance(arguments, dict):
        return _without_record(variant, row)
    try:
        recorded = model_info(name).columns(Request.of(arguments).columns)
    except (UsageError, TypeError, ValueError):
        return Finding(SourceNetwork(), f"{name}, as another version of this package had it")
    columns = {
        column: getattr(recorded, column)
        for column in INVISIBLE
        if hasattr(recorded, column) and hasattr(row, column)
    }
    shortcuts = getattr(recorded, "shortcut", None), getattr(row, "shortcut", None)
    if set(shortcuts) <= set(WITHOUT_WEIGHTS):
        columns["shortcut"] = shortcuts[0]
    epsilon = getattr(recorded, "epsilon", None)
    there = Request.of(arguments)
    return Finding(
        SourceNetwork(columns, epsilon),
        f"{name}, as the file records",
        _stem_warning(there.stem, request.stem),
        _differences(model_info(name), there, variant, request),
        builder_call(name, arguments),
    )


def _without_record(variant: Variant, row: Any) -> Finding:
    """Returns the finding for a file with our names that does not say which network it is of."""
    columns = {
        column: getattr(row, column)
        for source in layouts(variant.family)
        for network in networks(variant.family, source, row)
        for column in network.columns
        if column in (*INVISIBLE, "shortcut") and hasattr(row, column)
    }
    warning = (
        f"the file does not record its network; {_text(columns)} was assumed, which no tensor "
        "shows (save_weights and model.save record it)"
    )
    text = "a network with the names of this package"
    return Finding(SourceNetwork(), text, (warning,) if columns else ())


def _stem_warning(there: str, here: str) -> tuple[str, ...]:
    if there == here:
        return ()
    return (
        f"the file's network has stem={there!r} and this model stem={here!r}: the first "
        "convolution has another stride",
    )


def _differences(
    there: Variant, recorded: Request, here: Variant, request: Request
) -> tuple[str, ...]:
    """Returns in which layers of equal names a recorded network differs from the model's.

    The stem is left out: to give weights to a network for small images is a choice of the user.
    """
    shape = request.input_shape or here.input_shape
    recorded = replace(recorded, stem=request.stem, input_shape=shape, prefix="")
    try:
        ours, theirs = plan(here, replace(request, prefix="")), plan(there, recorded)
    except (UsageError, MismatchError):
        return ()
    pairs = {name: name for name in expected(ours) if name in theirs.entries}
    graphs = graph_of_plan(ours), graph_of_plan(theirs)
    return tuple(differences(*graphs, pairs, _map_shapes(ours)))


def _named(
    checkpoint: Checkpoint, known: tuple[SourceNetwork, ...]
) -> tuple[SourceNetwork | None, str]:
    """Returns the network that a text in or around the file names, and a description of the text.

    The texts are tried in the order of `_texts`; the first that names exactly one network counts.
    """
    if any(network.names for network in known):
        for where, text in _texts(checkpoint):
            fitting = [
                network
                for network in known
                if network.names
                and re.search(network.names, text, re.IGNORECASE)
                # A folder may have any name; it refuses no file.
                and not (network.unsupported and where == FOLDER)
            ]
            if len(fitting) == 1:
                return fitting[0], where
    return None, ""


def _texts(checkpoint: Checkpoint) -> Iterator[tuple[str, str]]:
    """Yields descriptions and texts that may name the network, the most reliable first."""
    for key in CONFIG_KEYS:
        if key in checkpoint.metadata:
            yield "its metadata", checkpoint.metadata[key]
    config = checkpoint.path.parent / CONFIG
    if config.is_file():
        yield f"{CONFIG} beside it", _architecture(config)
    yield "its name", checkpoint.path.name
    for folder in list(checkpoint.path.absolute().parents)[:PARENTS]:
        yield FOLDER, folder.name


def _architecture(config: Path) -> str:
    """Returns the architecture that a configuration names, and its settings as "key=value"."""
    try:
        with open_regular(config, limit=CONFIG_LIMIT) as stream:
            value = json.loads(stream.read().decode("utf-8", "replace"))
    except (DataError, ValueError, RecursionError):
        return ""
    if not isinstance(value, dict):
        return ""
    texts = [str(value[key]) for key in CONFIG_KEYS if key in value]
    texts += [f"{key}={value[key]}" for key in CONFIG_SETTINGS if key in value]
    return " ".join(texts)
