"""`kerascnn export`: SavedModel and ONNX, compared with Keras before they are put in place."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from kerascnn.cli.output import print_json, progress_stream
from kerascnn.cli.startup import start_keras


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
    export.add_argument("--overwrite", action="store_true", help="replace what the directory holds")
    export.set_defaults(run=_export)


def _export(arguments: argparse.Namespace) -> None:
    from kerascnn.registry import create_model, model_info
    from kerascnn.runs import load_run

    # A wrong path or name is told before TensorFlow starts.
    source = arguments.source
    path = Path(source)
    run = load_run(path) if path.is_dir() or len(path.parts) > 1 else None
    name = None if run else model_info(source).name
    start_keras(debug=arguments.debug)
    from kerascnn.exporting import export

    with progress_stream(as_json=arguments.json):
        reports = export(
            run or create_model(name),
            arguments.out,
            formats=tuple(filter(None, arguments.formats.split(","))),
            overwrite=arguments.overwrite,
        )
    if arguments.json:
        print_json({"out": arguments.out, "reports": [report.to_json() for report in reports]})
    else:
        for report in reports:
            print(report)
