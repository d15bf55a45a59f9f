"""Chooses which table of a file, and which network in it, a model is loaded from."""

from __future__ import annotations

from dataclasses import dataclass, replace

from kerascnn.errors import UsageError
from kerascnn.fileio.untrusted import named, quoted
from kerascnn.weights.formats.checkpoint import Checkpoint
from kerascnn.weights.formats.tensor_table import Contents
from kerascnn.weights.load_report import LoadError
from kerascnn.weights.match_names import RECOGNISED, Match, best_match
from kerascnn.weights.target_model import TargetModel

SHOWN = 4
"""Names that a message lists."""


@dataclass(frozen=True)
class Choice:
    """What to load from a file that may hold several networks.

    Args:
        table: the path of a table in the file, or its last keys; None for the usual one.
        part: the prefix of the network's names, or its last components; None if there is only one.
    """

    table: str | None = None
    part: str | None = None


def chosen(checkpoint: Checkpoint, target: TargetModel, choice: Choice) -> tuple[Contents, Match]:
    """Returns the contents with the table to load from, and how its names match the model.

    A table is a candidate if it holds most of the network's variables. With several, the usual one
    is taken, or else the one that holds most; the report names them all.

    Raises:
        UsageError: no table has the path, or no tensor the prefix, that `choice` asks for.
        LoadError: the network stands under several prefixes, and `choice` names none of them.
    """
    contents = checkpoint.contents
    if choice.table is not None:
        contents = with_table(checkpoint, choice.table)
    match = _matched(contents, target, choice)
    if choice.table is None and match.fraction(target.layers) < RECOGNISED:
        for path, tensors in contents.tables.items():
            other = replace(contents, tensors=tensors, table=path)
            other_match = _matched(other, target, choice)
            if len(other_match.keys) > len(match.keys):
                contents, match = other, other_match
    if choice.part is not None and not match.keys:
        first = ", ".join(quoted(name) for name in list(contents.tensors)[:SHOWN])
        raise UsageError(
            f"{named(checkpoint.path)}: {target.model.name} has no tensor under the prefix "
            f"{quoted(choice.part)}; the names begin with {first}"
        )
    if match.others and choice.part is None and match.fraction(target.layers) >= RECOGNISED:
        prefixes = [prefix.strip("./_") for prefix in (match.prefix, *match.others)]
        listed = ", ".join(quoted(prefix) for prefix in prefixes[:SHOWN])
        raise LoadError(
            f"{named(checkpoint.path)}: it has {len(prefixes)} networks with these names, under "
            f"{listed}; choose one: load_weights(model, path, part={prefixes[0]!r})"
        )
    return contents, match


def _matched(contents: Contents, target: TargetModel, choice: Choice) -> Match:
    return best_match(contents.tensors, target.layers, target.family, target.prefix, choice.part)


def with_table(checkpoint: Checkpoint, table: str) -> Contents:
    """Returns the contents of a file with the tensors of another of its tables.

    Raises:
        UsageError: there is no such table, or several whose paths end so.
    """
    contents = checkpoint.contents
    paths = [path for path in contents.tables if path == table]
    paths = paths or [path for path in contents.tables if path.endswith(f"/{table}")]
    if len(paths) != 1:
        listed = ", ".join(quoted(path) for path in list(contents.tables)[:SHOWN])
        raise UsageError(
            f"{named(checkpoint.path)}: no table {quoted(table)}; it has {listed or 'one only'}"
        )
    return replace(contents, tensors=contents.tables[paths[0]], table=paths[0])


def other_tables(contents: Contents, target: TargetModel) -> tuple[str, ...]:
    """Returns the paths of the other tables that hold most of the network's variables."""
    others = []
    for path, tensors in contents.tables.items():
        if path != contents.table and len(tensors) >= RECOGNISED * len(target.variables):
            match = best_match(tensors, target.layers, target.family, target.prefix)
            if match.fraction(target.layers) >= RECOGNISED:
                others.append(path)
    return tuple(others)
