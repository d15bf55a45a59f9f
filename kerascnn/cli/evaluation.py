"""`kerascnn evaluate` and `report`."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, Any

from kerascnn.cli.output import print_json, progress_stream
from kerascnn.cli.startup import start_keras
from kerascnn.text_table import text_table

if TYPE_CHECKING:
    from kerascnn.evaluation.evaluate import Evaluation
    from kerascnn.evaluation.test_time_views import Views
    from kerascnn.imaging.preprocessing import Preprocessing

PREPROCESSING = (
    "of the images, for a network that does not say it: an architecture (resnet50), a tag of "
    "published weights, a record in JSON, or a .json file of one"
)
"""Help of the option --preprocessing."""
FIGURES = {
    "loss": "{:.4f}",
    "accuracy": "{:.2%}",
    "top5": "{:.2%}",
    "ece": "{:.4f}",
    "images_per_second": "{:,.0f}",
    "count": "{:,}",
}
"""Figure -> the format in which it is printed."""


def add_verbs(verbs: Any) -> None:
    """Adds the verbs of this module to the command's parser."""
    evaluate = verbs.add_parser(
        "evaluate",
        help="loss, accuracy and calibration of networks on the test split of a data set",
        description="Evaluates a network on the test split of a data set; for several networks,\n"
        "their averaged probabilities. A network is a run directory (its best model), a .keras\n"
        "file, a file of `kerascnn weights`, an ONNX file, a SavedModel or an export directory.",
        epilog="example:\n"
        "  kerascnn evaluate runs/a runs/b out/model.onnx --data digits --out results",
    )
    evaluate.add_argument("networks", metavar="NETWORK", nargs="+")
    evaluate.add_argument(
        "--data",
        metavar="DATA",
        help="digits (bundled), folder:PATH, idx:DIR or npz:FILE; without it, the last of several "
        "NETWORKs is the data, and a single run is evaluated on the data of its training",
    )
    evaluate.add_argument(
        "--batch-size", type=int, default=256, metavar="N", help="images at a time (256)"
    )
    evaluate.add_argument(
        "--ten-crop",
        action="store_true",
        help="average over the corners, the centre and their reflections",
    )
    evaluate.add_argument(
        "--scales",
        metavar="N,N,…",
        help="average over the whole image at these sizes of its shorter side",
    )
    evaluate.add_argument(
        "--flip", action="store_true", help="average over each image and its reflection"
    )
    evaluate.add_argument(
        "--per-class", action="store_true", help="also print a table of the classes"
    )
    evaluate.add_argument("--out", metavar="DIR", help="write tables and plots into this directory")
    evaluate.add_argument(
        "--overwrite", action="store_true", help="replace the files of an earlier evaluation in DIR"
    )
    evaluate.add_argument("--preprocessing", metavar="P", help=PREPROCESSING)
    evaluate.add_argument(
        "--trust", action="store_true", help="open SavedModels, which can run code"
    )
    evaluate.set_defaults(run=_evaluate)

    report = verbs.add_parser(
        "report",
        help="write the HTML report of a run: curves, confusions, mistakes, layers",
        description="Writes the report of a run: one HTML file that contains all pictures.\n"
        "`train` writes it at its end; this command writes it again, or for other data.",
        epilog="example:\n  kerascnn report runs/lenet5 --out lenet5.html",
    )
    report.add_argument("run_dir", metavar="RUN", help="a directory that `train` wrote")
    report.add_argument("--data", metavar="DATA", help="instead of the data of the training")
    report.add_argument("--out", metavar="FILE", help="instead of report.html in the directory")
    report.set_defaults(run=_report)


def _evaluate(arguments: argparse.Namespace) -> None:
    from kerascnn.evaluation.test_time_views import Views
    from kerascnn.fileio.atomic import refuse_occupied

    networks, data = _networks_and_data(arguments)
    views = Views(
        crops=5 if arguments.ten_crop else 1,
        flip=arguments.flip or arguments.ten_crop,
        scales=_scales(arguments.scales),
    )
    if arguments.out is not None:  # before the evaluation, which can take long
        refuse_occupied(arguments.out, overwrite=arguments.overwrite)
    preprocessing = preprocessing_of(arguments)
    start_keras(debug=arguments.debug)
    from kerascnn.evaluation.evaluate import evaluate

    with progress_stream(as_json=arguments.json):
        evaluation = evaluate(
            networks,
            data,
            batch_size=arguments.batch_size,
            preprocessing=preprocessing,
            views=views,
            trust=arguments.trust,
        )
    files = []
    if arguments.out is not None:
        from kerascnn.evaluation.files import write_evaluation

        files = write_evaluation(evaluation, arguments.out, overwrite=arguments.overwrite)
    if arguments.json:
        print_json(_as_json(evaluation, arguments.per_class, files))
        return
    _print_figures(evaluation, views)
    if arguments.per_class:
        _print_classes(evaluation)
    if files:
        print(f"\nwritten to {arguments.out}: {', '.join(file.name for file in files)}")


def _report(arguments: argparse.Namespace) -> None:
    from kerascnn.runs.run import load_run

    run = load_run(arguments.run_dir)
    start_keras(debug=arguments.debug)
    from kerascnn.reports.run_report import report

    with progress_stream(as_json=arguments.json):
        path = report(run, arguments.data, path=arguments.out)
    if arguments.json:
        print_json({"report": path})
    else:
        print(f"written: {path}")


def _networks_and_data(arguments: argparse.Namespace) -> tuple[list[str], str]:
    """Returns the paths, which exist, and the data; reports errors before TensorFlow starts."""
    from kerascnn.errors import UsageError
    from kerascnn.runs.run import load_run

    networks = list(arguments.networks)
    data = arguments.data
    if data is None and len(networks) > 1:
        data = networks.pop()
    for path in networks:
        existing(path)
    if data is None:
        if not os.path.isdir(networks[0]):
            raise UsageError(f"{networks[0]} is not a run and has no data of its own; give --data")
        data = load_run(networks[0]).config["data"]["name"]
    return networks, data


def preprocessing_of(arguments: argparse.Namespace) -> Preprocessing | None:
    """Returns the preprocessing of the option --preprocessing; None without the option."""
    if arguments.preprocessing is None:
        return None
    from kerascnn.inference.named_preprocessing import named_preprocessing

    return named_preprocessing(arguments.preprocessing)


def existing(path: str) -> str:
    """Returns the path of a network; raises UsageError where it does not exist."""
    from kerascnn.errors import UsageError

    if not os.path.exists(path):
        raise UsageError(
            f"{path} does not exist; give a run directory, a .keras or ONNX file, or an export"
        )
    return path


def _scales(text: str | None) -> tuple[int, ...]:
    from kerascnn.errors import UsageError

    try:
        return tuple(int(part) for part in text.split(",")) if text else ()
    except ValueError:
        raise UsageError(
            f"--scales {text!r}: give numbers of pixels, for example 224,256,288"
        ) from None


def _as_json(evaluation: Evaluation, per_class: bool, files: list[Any]) -> dict[str, Any]:
    from kerascnn.evaluation.files import PER_CLASS, per_class_rows

    result: dict[str, Any] = dict(evaluation)
    if len(evaluation.members) > 1:
        result["networks"] = evaluation.members
    if per_class:
        keys = [name.replace(" ", "_") for name in PER_CLASS]
        result["classes"] = [
            dict(zip(keys, row, strict=True)) for row in per_class_rows(evaluation)
        ]
    if files:
        result["files"] = files
    return result


def _print_figures(evaluation: Evaluation, views: Views) -> None:
    members = evaluation.members
    if len(members) > 1:
        shown = [name for name in FIGURES if name in next(iter(members.values()))]
        rows = [
            [name, *(FIGURES[figure].format(figures[figure]) for figure in shown)]
            for name, figures in [*members.items(), ("ensemble", evaluation)]
        ]
        print(text_table(["network", *shown], rows, right=range(1, len(shown) + 1)))
        print()
    for name, value in evaluation.items():
        if len(members) < 2 or name not in next(iter(members.values())):
            print(f"{name.replace('_', ' '):<19}{FIGURES[name].format(value)}")
    if not views.plain:
        print(f"{'averaged over':<19}{views}")


def _print_classes(evaluation: Evaluation) -> None:
    from kerascnn.evaluation.files import PER_CLASS, per_class_rows

    rows = [
        ["" if cell is None else f"{cell:.2%}" if isinstance(cell, float) else str(cell)
         for cell in row]
        for row in per_class_rows(evaluation)
    ]  # fmt: skip
    print()
    print(text_table(PER_CLASS, rows, right={1, 2, 3, 5}))
