"""`kerascnn export`: SavedModel and ONNX, compared with Keras before they are put in place."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascnn.cli.output import print_json, progress_stream
from kerascnn.cli.startup import start_keras

if TYPE_CHECKING:
    from kerascnn.registry import Variant
    from kerascnn.runs import Run


def add_verbs(verbs: Any) -> None:
    """Adds the verb of this module to the command's parser."""
    export = verbs.add_parser(
        "export",
        help="write a run's model as SavedModel and ONNX",
        description="Exports the best model of a run, or an architecture with fresh weights.\n"
        "Every artifact is loaded again and compared with Keras before it is put in place.",
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
    export.add_argument(
        "--tolerance",
        type=float,
        default=1e-5,
        metavar="X",
        help="largest difference from Keras, for scores up to 1 (1e-5)",
    )
    export.add_argument("--overwrite", action="store_true", help="replace what the directory holds")
    export.set_defaults(run=_export)


def _find(source: str) -> Run | Variant:
    """Returns the architecture or the run that the user means; `./NAME` is always a directory."""
    from kerascnn.registry import list_models, model_info
    from kerascnn.runs import load_run

    is_directory = os.sep in source or Path(source).is_dir()
    if is_directory and source not in list_models():
        return load_run(source)
    return model_info(source)


def _export(arguments: argparse.Namespace) -> None:
    source = _find(arguments.source)  # a wrong name or path is told before TensorFlow starts
    start_keras(debug=arguments.debug)
    from kerascnn.exporting import export
    from kerascnn.runs import Run

    with progress_stream(as_json=arguments.json):
        reports = export(
            source if isinstance(source, Run) else source(),
            arguments.out,
            formats=tuple(filter(None, arguments.formats.split(","))),
            overwrite=arguments.overwrite,
            tolerance=arguments.tolerance,
        )
    if arguments.json:
        print_json({"out": arguments.out, "reports": [report.to_json() for report in reports]})
    else:
        for report in reports:
            print(report)
