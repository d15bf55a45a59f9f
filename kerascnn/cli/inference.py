"""`kerascnn predict`: the most probable classes of image files."""

from __future__ import annotations

import argparse
import csv
import sys
from typing import TYPE_CHECKING, Any

from kerascnn.cli import weight_files
from kerascnn.cli.evaluation import PREPROCESSING, existing, preprocessing_of
from kerascnn.cli.output import print_json, progress_stream
from kerascnn.cli.startup import start_keras

if TYPE_CHECKING:
    from kerascnn.inference.image_inputs import Prediction

COLUMNS = ("source", "rank", "index", "label", "score")
_WITHOUT_KERAS = (".onnx", ".tflite", ".xml")


def add_verbs(verbs: Any) -> None:
    """Adds the verb of this module to the command's parser."""
    predict = verbs.add_parser(
        "predict",
        help="print the most probable classes of image files",
        description="Prints the most probable classes of each image file, computed in the fastest\n"
        "runtime that is installed. TensorFlow starts only for networks that need it.",
        epilog="example:\n  kerascnn predict out/model.onnx three.png seven.png --top 3 --csv",
    )
    predict.add_argument(
        "network",
        metavar="NETWORK",
        help="an export, a run directory, an ONNX, LiteRT, OpenVINO or .keras file, or a file of\n"
        "weights",
    )
    weight_files.add_options(predict)
    predict.add_argument(
        "images", metavar="IMAGE", nargs="+", help="an image file, or a folder of image files"
    )
    predict.add_argument(
        "--top", type=int, default=5, metavar="K", help="classes for each image (5)"
    )
    predict.add_argument("--csv", action="store_true", help=f"print {','.join(COLUMNS)}")
    predict.add_argument(
        "--runtime", default="auto", help="auto, openvino, onnxruntime, litert or tensorflow"
    )
    predict.add_argument(
        "--precision",
        default="auto",
        help="auto (the fastest that agrees with float32 on 100 images), float32, bfloat16 or int8",
    )
    predict.add_argument(
        "--threads", type=int, metavar="N", help="threads of the runtime (one for each processor)"
    )
    predict.add_argument(
        "--batch-size", type=int, default=16, metavar="N", help="images at a time (16)"
    )
    predict.add_argument("--preprocessing", metavar="P", help=PREPROCESSING)
    predict.add_argument(
        "--trust", action="store_true", help="open a SavedModel, which can run code"
    )
    predict.set_defaults(run=_predict)


def _predict(arguments: argparse.Namespace) -> None:
    from kerascnn.errors import UsageError

    path = existing(arguments.network)
    if arguments.csv and arguments.json:
        raise UsageError("choose one of --csv and --json")
    preprocessing = preprocessing_of(arguments)
    weights = weight_files.described_source(path, arguments.model, arguments.set)
    if not path.endswith(_WITHOUT_KERAS) or weights is not None:
        _start_unless_exported(path, arguments)
    from kerascnn.inference.predictor import Predictor

    with progress_stream(as_json=arguments.json or arguments.csv):
        predictor = Predictor(
            path if weights is None else weights.load()[0],
            runtime=arguments.runtime,
            precision=arguments.precision,
            threads=arguments.threads,
            batch_size=arguments.batch_size,
            preprocessing=preprocessing,
            trust=arguments.trust,
        )
        images = arguments.images if len(arguments.images) > 1 else arguments.images[0]
        predictions = predictor(images, top=arguments.top)
    if arguments.json:
        print_json([_as_json(prediction) for prediction in predictions])
    elif arguments.csv:
        _print_csv(predictions)
    else:
        for prediction in predictions:
            ranked = zip(prediction.labels, prediction.scores, strict=True)
            cells = [prediction.source, *(f"{name} {score:.4f}" for name, score in ranked)]
            print("  ".join(cells))


def _start_unless_exported(path: str, arguments: argparse.Namespace) -> None:
    """Starts TensorFlow, unless the path is an export that another runtime can run."""
    from pathlib import Path

    from kerascnn.inference.open_classifier import EXPORTED

    wanted = arguments.runtime in ("auto", "onnxruntime", "openvino")
    if not (wanted and (Path(path) / EXPORTED[0]).exists()):
        start_keras(debug=arguments.debug)


def _as_json(prediction: Prediction) -> dict[str, Any]:
    ranked = zip(prediction.indices, prediction.labels, prediction.scores, strict=True)
    classes = [{"index": index, "label": name, "score": score} for index, name, score in ranked]
    return {"source": prediction.source, "classes": classes}


def _print_csv(predictions: list[Prediction]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(COLUMNS)
    for prediction in predictions:
        ranked = zip(prediction.indices, prediction.labels, prediction.scores, strict=True)
        for rank, (index, label, score) in enumerate(ranked, 1):
            writer.writerow((prediction.source, rank, index, label, f"{score:.9g}"))
