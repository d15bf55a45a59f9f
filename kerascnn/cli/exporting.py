"""`kerascnn export` and `verify`: files for other runtimes, compared with Keras."""

from __future__ import annotations

import argparse
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascnn.cli import weight_files
from kerascnn.cli.evaluation import PREPROCESSING, preprocessing_of
from kerascnn.cli.output import print_json, progress_stream
from kerascnn.cli.startup import start_keras

if TYPE_CHECKING:
    import keras

    from kerascnn.models.registry import Variant
    from kerascnn.runs.run import Run

_FORMATS = """\
formats:
  savedmodel                                        TensorFlow, TF Serving
  onnx, onnx-float16, onnx-int8                     onnxruntime, OpenVINO, TensorRT, browsers
  litert, litert-float16, litert-dynamic, litert-int8   phones and microcontrollers (.tflite)
  openvino                                          where OpenVINO is installed

example:
  kerascnn export runs/lenet5 exported --formats onnx,onnx-int8 --max-drop 0.01
  kerascnn verify exported"""


def add_verbs(verbs: Any) -> None:
    """Adds the verbs of this module to the command's parser."""
    export = verbs.add_parser(
        "export",
        help="write a model as SavedModel, ONNX, LiteRT or OpenVINO",
        description="Exports the best model of a run, a .keras file, a file of weights, or an\n"
        "architecture with fresh weights.\n"
        "Every exported file is loaded again and compared with Keras before OUT is written.",
        epilog=_FORMATS,
    )
    export.add_argument(
        "source",
        metavar="SOURCE",
        help="a run directory, a .keras file, a file of weights, or the name of an architecture",
    )
    export.add_argument("out", metavar="OUT", help="the directory to write")
    weight_files.add_options(export)
    export.add_argument(
        "--formats",
        default="savedmodel,onnx",
        metavar="F,F",
        help="comma-separated, from the list below (savedmodel,onnx)",
    )
    export.add_argument(
        "--tolerance",
        type=float,
        default=1e-4,
        metavar="X",
        help="largest difference from Keras in a logit, as a share of the largest (1e-4)",
    )
    export.add_argument("--overwrite", action="store_true", help="replace the files in OUT")
    export.add_argument(
        "--samples",
        metavar="DIR_OR_FILE",
        help="images for the comparison and the int8 calibration",
    )
    export.add_argument("--preprocessing", metavar="P", help=PREPROCESSING)
    export.add_argument(
        "--opset", type=int, default=None, metavar="N", help="ONNX operator set, 13-23 (17)"
    )
    export.add_argument(
        "--layout",
        default="nhwc",
        metavar="L",
        help="order of the ONNX input's axes: nhwc or nchw (nhwc)",
    )
    export.add_argument(
        "--image-bytes",
        action="store_true",
        help="add a SavedModel signature that takes JPEG and PNG files",
    )
    export.add_argument(
        "--preprocess",
        action="store_true",
        help="include resize and normalisation in ONNX and OpenVINO; the input is then uint8",
    )
    export.add_argument(
        "--calibration",
        default="minmax",
        metavar="M",
        help="calibration of onnx-int8: minmax, entropy or percentile (minmax)",
    )
    export.add_argument(
        "--max-drop",
        type=float,
        default=0.005,
        metavar="X",
        help="the largest loss of accuracy that int8 may have (0.005)",
    )
    export.add_argument(
        "--evaluation", metavar="DATA", help="labelled data to measure it on (the data of the run)"
    )
    export.set_defaults(run=_export)

    verify = verbs.add_parser(
        "verify",
        help="check an export: its files and its outputs",
        description="Compares every file with the manifest, and runs the exported models again.",
        epilog="example:\n  kerascnn verify exported",
    )
    verify.add_argument("directory", metavar="DIR", help="an export directory")
    verify.add_argument(
        "--trust", action="store_true", help="run the SavedModel too, which can run code"
    )
    verify.set_defaults(run=_verify)


def _find(arguments: argparse.Namespace) -> Run | Variant | weight_files.Described | Path:
    """Returns the source that a name or a path stands for; `./NAME` is always a path.

    Reports wrong names and paths before TensorFlow starts.
    """
    from kerascnn.models.registry import list_models, model_info
    from kerascnn.runs.run import load_run

    source = arguments.source
    if source not in list_models():
        weights = weight_files.described_source(source, arguments.model, arguments.set)
        if weights is not None:
            return weights
        if source.endswith(".keras") and Path(source).is_file():
            return Path(source)
        if os.sep in source or Path(source).is_dir():
            return load_run(source)
    weight_files.refuse_options(source, arguments.model, [])
    return model_info(source)


def _opened(
    source: Run | Variant | weight_files.Described | Path, settings: list[str]
) -> keras.Model | Run:
    """Returns the run, or the model of any other source."""
    from kerascnn.runs.run import Run
    from kerascnn.weights.keras_model import read_keras_model

    if isinstance(source, Run):
        return source
    if isinstance(source, weight_files.Described):
        return source.load()[0]
    if isinstance(source, Path):
        return read_keras_model(source, compiled=False)
    return source(**weight_files.builder_arguments(settings))


def _samples(source: str | None) -> list[Path] | None:
    """Returns the image files that the user names; they are checked when they are opened."""
    from kerascnn.imaging.decode import EXTENSIONS

    if source is None:
        return None
    path = Path(source)
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.rglob("*") if file.suffix.lower() in EXTENSIONS)[:512]


def _export(arguments: argparse.Namespace) -> None:
    from kerascnn.exporting.common.options import ExportOptions

    source = _find(arguments)
    # Resizing inside the model needs a newer operator set than the default.
    opset = arguments.opset or (18 if arguments.preprocess else 17)
    options = ExportOptions(
        opset=opset,
        layout=arguments.layout,
        image_bytes=arguments.image_bytes,
        preprocess=arguments.preprocess,
        calibration=arguments.calibration,
        max_drop=arguments.max_drop,
        evaluation=arguments.evaluation,
    )
    preprocessing = preprocessing_of(arguments)
    start_keras(debug=arguments.debug)
    from kerascnn.exporting.exporter import export

    with progress_stream(as_json=arguments.json):
        network = _opened(source, arguments.set)
        reports = export(
            network,
            arguments.out,
            formats=tuple(filter(None, arguments.formats.split(","))),
            preprocessing=preprocessing,
            overwrite=arguments.overwrite,
            samples=_samples(arguments.samples),
            tolerance=arguments.tolerance,
            options=options,
        )
    if arguments.json:
        print_json({"out": arguments.out, "reports": [report.to_json() for report in reports]})
    else:
        for report in reports:
            print(report)


def _verify(arguments: argparse.Namespace) -> None:
    from kerascnn.exporting.verify_export import check_manifest, verify

    check_manifest(Path(arguments.directory))  # reports damage before TensorFlow starts
    start_keras(debug=arguments.debug)
    with progress_stream(as_json=arguments.json):
        reports = verify(arguments.directory, trust=arguments.trust)
    if arguments.json:
        print_json(
            {"directory": arguments.directory, "artifacts": [asdict(report) for report in reports]}
        )
    else:
        for report in reports:
            print(report)
