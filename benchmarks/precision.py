"""Measures the effect of float16, bfloat16 and int8 on the accuracy of trained networks.

    python benchmarks/precision.py                          # 15 minutes
    python benchmarks/precision.py --networks lenet5        # one network again

Each network is trained on the digits, exported with `kerascnn.export`, and evaluated on the test
images, which neither the training nor the calibration of int8 uses. float32, float16 and int8 run
in onnxruntime; bfloat16 and int8 also run in OpenVINO. The results of each network are merged into
benchmarks/results/precision.json and .md as soon as they are complete.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from machine import RESULTS, machine, save  # noqa: E402

NETWORKS: dict[str, dict[str, Any]] = {
    "lenet5": {"input_shape": (32, 32, 1), "epochs": 12},
    "resnet20_cifar": {"input_shape": (32, 32, 3), "epochs": 12},
    "mobilenet_v2": {"input_shape": (64, 64, 3), "epochs": 16},
    "densenet121": {"input_shape": (32, 32, 3), "epochs": 8},
    "resnet50": {"input_shape": (48, 48, 3), "epochs": 10},
    "shufflenet_v2_x1_0": {"input_shape": (64, 64, 3), "epochs": 16},
    "efficientnet_b0": {"input_shape": (32, 32, 3), "epochs": 16},
}
FORMATS = ("onnx", "onnx-float16", "onnx-int8")
OPENVINO_INT8 = "openvino-int8"


def measure(name: str, input_shape: tuple[int, int, int], epochs: int) -> dict[str, Any]:
    """Trains a network and returns accuracy and agreement of each precision."""
    import numpy as np

    import kerascnn
    from kerascnn.inference.open_classifier import open_classifier
    from kerascnn.runtimes.onnx import open_artifact

    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        model = kerascnn.create_model(name, classes=10, input_shape=input_shape)
        run = kerascnn.train(
            model, "digits", epochs=epochs, batch_size=32, run_dir=folder / "run", verbose=False
        )
        options = kerascnn.ExportOptions(max_drop=1.0)  # the drop is what is measured
        reports = kerascnn.export(run, folder / "out", FORMATS, options=options)
        test = kerascnn.load_data("digits").test
        images = run.preprocessing(np.asarray(test.images))
        labels = np.asarray(test.labels)
        (int8,) = (report for report in reports if report.format == "onnx-int8")
        answers = {
            name: np.concatenate([ask(images[at : at + 36]) for at in range(0, len(images), 36)])
            for name, ask in {
                **{report.format: open_artifact(report.path) for report in reports},
                **_bfloat16(folder / "out"),
                OPENVINO_INT8: open_classifier(int8.path, runtime="openvino").scores,
            }.items()
        }
        predictor = kerascnn.Predictor(folder / "out", samples=np.asarray(test.images))
    first = answers["onnx"].argmax(1)
    return {
        "input_shape": input_shape,
        "epochs": epochs,
        "images": len(labels),
        "accuracy": {key: float((got.argmax(1) == labels).mean()) for key, got in answers.items()},
        "agreement": {key: float((got.argmax(1) == first).mean()) for key, got in answers.items()},
        "left_out": int8.left_out,
        "predictor": {"precision": predictor.info.precision, "reason": predictor.info.reason},
    }


def _bfloat16(out: Path) -> dict[str, Any]:
    import kerascnn
    from kerascnn.errors import UsageError

    try:
        return {"bfloat16": kerascnn.Predictor(out, precision="bfloat16").probabilities}
    except UsageError:  # this processor has no units for it
        return {}


def table(results: dict[str, Any]) -> str:
    """Returns all results as Markdown."""
    lines = [
        "# Lower precision on trained networks",
        "",
        "Networks trained on the digits, asked for the test images that neither training nor "
        "calibration has seen: share of right answers, and in brackets the share of images whose "
        "first class is that of float32. float16 and int8 are the files of `kerascnn.export` in "
        "onnxruntime, bfloat16 is `Predictor` in OpenVINO, which reads the int8 file too.",
        "",
        "| network | images of | test images | float32 | float16 | bfloat16 | int8 | "
        "int8, OpenVINO | Predictor takes |",
        "|---|---|---:|---:|---:|---:|---:|---:|---|",
    ]
    for name in NETWORKS:
        if name not in results:
            continue
        result = results[name]
        accuracy, agreement = result["accuracy"], result["agreement"]
        cells = [
            f"{accuracy[key]:.1%} ({agreement[key]:.1%})" if key in accuracy else "-"
            for key in ("onnx-float16", "bfloat16", "onnx-int8", OPENVINO_INT8)
        ]
        lines.append(
            f"| {name} | {'x'.join(map(str, result['input_shape']))} | {result['images']} | "
            f"{accuracy['onnx']:.1%} | {' | '.join(cells)} | {result['predictor']['precision']} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--networks", nargs="+", choices=[*NETWORKS], default=[*NETWORKS], metavar="NAME",
        help=f"{', '.join(NETWORKS)} (all)",
    )  # fmt: skip
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
    for name in parser.parse_args().networks:
        result = measure(name, **NETWORKS[name])
        print(name, json.dumps(result), flush=True)
        stored = RESULTS / "precision.json"
        results = json.loads(stored.read_text()) if stored.exists() else {}
        results = {**results, name: result, "machine": machine()}
        save("precision", results, table(results))


if __name__ == "__main__":
    main()
