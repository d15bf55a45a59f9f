"""Files of weights as the network of a verb: the options that describe it, and building it."""

from __future__ import annotations

import argparse
import ast
import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascnn.errors import MismatchError, UsageError

if TYPE_CHECKING:
    import keras

    from kerascnn.weights.identify import Candidate
    from kerascnn.weights.load_report import LoadReport

WITHOUT_RECORD = (".h5", ".hdf5", ".npz", ".safetensors", ".pth", ".pt", ".th", ".pkl", ".bin",
                  ".index", ".ckpt")  # fmt: skip
"""Endings of files of weights that may not say which network they are of."""


@dataclass(frozen=True)
class Described:
    """The network that a file of weights is of.

    Args:
        path: the file.
        network: the row, its arguments, and what is known of classes and images.
        fitting: a description of the networks whose tensors the file has.
    """

    path: Path
    network: Candidate
    fitting: str = ""

    def check(self) -> None:
        """Raises MismatchError unless all tensors are those of the network."""
        if not self.network.exact:
            raise MismatchError(
                f"{self.path}: its tensors are not those of {self.network.text}; they fit "
                f"{self.fitting}"
            )

    def load(
        self, table: str | None = None, part: str | None = None
    ) -> tuple[keras.Model, LoadReport]:
        """Builds the network and loads the file, classifier included.

        Args:
            table: which table of the file, as for `load_weights`.
            part: which network of the file, as for `load_weights`.
        """
        from kerascnn.create import create_model
        from kerascnn.models.adopted import adopt, adopted_class_names
        from kerascnn.weights.load import load_weights

        model = create_model(self.network.row, **self.network.arguments)
        report = load_weights(model, self.path, head="strict", table=table, part=part)
        if adopted_class_names(model) is None:
            adopt(model, None, self.network.class_names)
        return model, report


def add_options(verb: argparse.ArgumentParser) -> None:
    """Adds the options that say which network a file of weights is of."""
    verb.add_argument(
        "--model",
        metavar="NAME",
        help="the architecture of a file of weights, if the file does not tell it",
    )
    verb.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="ARGUMENT=VALUE",
        help="an argument of its builder, such as width=0.75 or classes=10; repeatable",
    )


def described_source(source: str, model: str | None, settings: list[str]) -> Described | None:
    """Returns the network of a file of weights; None for any other source of a verb.

    Raises:
        UsageError: options describe the network of another source, or as `describe`.
    """
    if is_weights(source) or (model is not None and Path(source).is_file()):
        return describe(source, model, settings)
    refuse_options(source, model, settings if os.path.exists(source) else [])
    return None


def refuse_options(source: str, model: str | None, settings: list[str]) -> None:
    """Raises UsageError if options describe the network of a source that has its own."""
    if model is not None or settings:
        option = "--model" if model is not None else "--set"
        raise UsageError(f"{option} is for files of weights, and {source} is none; leave it out")


def is_weights(source: str) -> bool:
    """Returns whether a path is a file of weights, by its ending, or weights of TensorFlow."""
    from kerascnn.weights.formats.tf_checkpoint import index_file

    path = Path(source)
    if path.is_dir():
        return False
    return index_file(path) is not None or (
        path.is_file() and path.name.lower().endswith(WITHOUT_RECORD)
    )


def builder_arguments(settings: list[str]) -> dict[str, Any]:
    """Returns the arguments that `--set` gives: numbers, tuples, True, False, None or texts."""
    arguments = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals or not name.strip().isidentifier():
            raise UsageError(f"--set takes ARGUMENT=VALUE, such as width=0.75, got {setting!r}")
        try:
            value = ast.literal_eval(text.strip())
        except (ValueError, SyntaxError):
            value = text.strip()
        arguments[name.strip()] = value
    return arguments


def describe(
    source: str | os.PathLike[str],
    model: str | None,
    settings: list[str],
    table: str | None = None,
) -> Described:
    """Returns the network that a file of weights is of; prints it if it was found by the shapes.

    Args:
        source: the file.
        model: the architecture, if it is known.
        settings: arguments of its builder, as `--set` gives them.
        table: which table of the file; None for the usual one.

    Raises:
        UsageError: the file fits several networks equally, or none; the message says what to give.
        DamagedFileError, UnsafeFileError: as `open_checkpoint`.
    """
    from kerascnn.models.planning import plan
    from kerascnn.models.registry import model_info
    from kerascnn.models.request import Request
    from kerascnn.weights import file_metadata
    from kerascnn.weights.choose_part import with_table
    from kerascnn.weights.formats.checkpoint import naming, open_checkpoint
    from kerascnn.weights.identify import Candidate, equals, fitting_text, identify
    from kerascnn.weights.source_network import with_needed_columns

    row = None if model is None else model_info(model).name
    arguments = builder_arguments(settings)
    start = Request.of(arguments)
    if row is not None:
        plan(model_info(row), start)  # raises the errors of impossible arguments
    with open_checkpoint(source) as checkpoint:
        path = checkpoint.path
        if table is not None:
            checkpoint.contents = with_table(checkpoint, table)
        with naming(path):
            record = file_metadata.opened(checkpoint.metadata)
        if row is None and "row" in record:
            return _recorded(path, record, arguments)
        candidates = identify(checkpoint, record, row, start)
        contents = checkpoint.contents.kind
    equal = equals(candidates)
    if row is not None:
        needed = with_needed_columns(path, model_info(row), start).arguments()
        fit = next((fit for fit in equal if fit.arguments == needed), None)
        fit = fit or Candidate(row, "", 0.0, needed)
        return Described(path, fit, fitting_text(candidates))
    if not equal:
        raise UsageError(
            f"{path} ({contents}) does not say which network it is of, and its tensors fit "
            f"{fitting_text(candidates)}; give --model NAME and --set ARGUMENT=VALUE"
        )
    if len(equal) > 1:
        options = " or ".join(_options(candidate) for candidate in equal)
        raise UsageError(f"{path} fits {fitting_text(equal)}; give {options}")
    print(f"{path} fits {equal[0].text} ({equal[0].source}): using it", file=sys.stderr)
    chosen = replace(equal[0], arguments={**equal[0].arguments, **arguments})
    return Described(path, chosen, fitting_text(candidates))


def _recorded(path: Path, record: dict[str, Any], arguments: dict[str, Any]) -> Described:
    """Returns the network that a file records; it cannot be changed."""
    from kerascnn.weights.identify import Candidate
    from kerascnn.weights.name_maps.layout import OURS
    from kerascnn.weights.recorded import recorded_network

    row, recorded = recorded_network(record["row"], record.get("arguments"))
    if arguments:
        raise UsageError(f"{path} records its network, {row}; leave out --set, or give --model too")
    return Described(path, Candidate(row, OURS, 1.0, recorded, exact=True))


def _options(candidate: Candidate) -> str:
    """Returns the options that name a network."""
    settings = {name: f"{value}".replace(" ", "") for name, value in candidate.arguments.items()}
    words = [f"--set '{name}={value}'" for name, value in settings.items()]
    return " ".join([f"--model {candidate.row}", *words])
