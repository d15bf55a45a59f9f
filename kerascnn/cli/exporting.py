"""`kerascnn export`: SavedModel and ONNX, compared with Keras before they are put in place."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascnn.cli.output import print_json
from kerascnn.cli.startup import start_keras

if TYPE_CHECKING:
    import keras

    from kerascnn.runs import Run


def add_verbs(verbs: Any) -> None:
    """Adds the verb of this module to the command's parser."""
    export = verbs.add_parser(
        "export",
        help="write a run's model as SavedModel and ONNX",
        description="Exports the best model of a run, or an architecture with fresh weights. Every\n"
        "artifact is loaded again and compared with Keras before it is put in place.",
        epilog="example:\n  kerascnn export runs/lenet5 exported --formats onnx",
    )
    export.add_argument(
        "source", metavar="RUN_OR_NAME", help="a directory that `train` wrote, or a name"
    )
    export.add_argument("out", metavar="OUT", help="the directory to write")
    export.add_argument(
        "--formats",
        default="savedmodel,onnx",
        metavar="F,F",
        help="comma-separated (savedmodel,onnx)",
    )
    export.add_argument("--overwrite", action="store_true", help="replace what the directory holds")
    export.set_defaults(run=_export)


def _open(source: str) -> Run | keras.Model:
    """Returns the run in a directory, or the architecture of that name with fresh weights."""
    from kerascnn.registry import create_model, model_info
    from kerascnn.runs import load_run

    if Path(source).is_dir() or "/" in source:
        return load_run(source)
    return create_model(model_info(source).name)


def _export(arguments: argparse.Namespace) -> None:
    start_keras(debug=arguments.debug)
    from kerascnn.exporting import export

    stream = sys.stderr if arguments.json else sys.stdout
    with contextlib.redirect_stdout(stream):
        reports = export(
            _open(arguments.source),
            arguments.out,
            formats=tuple(filter(None, arguments.formats.split(","))),
            overwrite=arguments.overwrite,
        )
    if arguments.json:
        print_json([dataclasses.asdict(report) for report in reports])
