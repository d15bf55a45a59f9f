"""Compares inference: ONNX files of kerascnn and torchvision, PyTorch, int8, OpenVINO, Predictor.

    python benchmarks/inference.py --torch-python PYTHON                     # 15 minutes
    python benchmarks/inference.py --torch-python PYTHON --networks vgg16    # one network again
    python benchmarks/inference.py --networks predictor
    python benchmarks/inference.py --results inference_amd                   # beside the others

Each network is measured in one run in which all contenders alternate; the ratios are those of the
medians. The file of torchvision is written by torch.onnx and runs in the same onnxruntime; PyTorch
runs eagerly, channels last, in a separate interpreter. `predictor` compares kerascnn.Predictor with
keras.Model.predict of keras.applications for ResNet-50, and with the runtime alone. The results of
each network are merged into benchmarks/results/inference.json and .md (or another name, for another
machine) as soon as they are complete, so that an interrupted run loses nothing and one network can
be measured again.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from machine import RESULTS, machine, save  # noqa: E402
from process import Process  # noqa: E402

NETWORKS = {
    "resnet50_v1_5": "resnet50",  # torchvision has the stride in the 3x3
    "vgg16": "vgg16",
    "mobilenet_v2": "mobilenet_v2",
    "densenet121": "densenet121",
    "efficientnet_b0": "efficientnet_b0",
    "shufflenet_v2_x1_0": "shufflenet_v2_x1_0",
    "googlenet_bn": "googlenet",
    "mobilenet_v3_large": "mobilenet_v3_large",
}
PREDICTOR = "predictor"
BATCHES = {1: 21, 16: 9}
"""Batch size -> number of rounds in which each contender is timed."""
# The threads of a library spin for a while after a batch and would disturb the next library.
REST = 0.15
WARM = 4.0
"""Seconds of untimed passes: OpenVINO compiles again for a shape that repeats."""
SECONDS = 0.2
"""Seconds of a contender in a round, filled with passes; at least one pass."""


def write_ours(name: str, folder: Path) -> dict[str, Path]:
    """Writes a row with fresh weights as ONNX: float32 in both layouts, and int8."""
    import keras
    import numpy as np

    import kerascnn
    from kerascnn.exporting.common import metadata
    from kerascnn.exporting.common.equivalence import Reference
    from kerascnn.exporting.common.network import prepare
    from kerascnn.exporting.common.options import ExportOptions, Job
    from kerascnn.exporting.onnx import format

    keras.utils.set_random_seed(0)
    model = kerascnn.create_model(name)
    network = prepare(model)
    preprocessing = kerascnn.model_info(name).preprocessing
    described = metadata.describe(metadata.Source(model, None, None, preprocessing), network)
    images = np.random.default_rng(0).normal(size=(4, 224, 224, 3)).astype("float32")
    nothing = Reference(0, (), (), None)
    files = {}
    for kind, precision, layout in (
        ("ours", "float32", "nhwc"),
        ("nchw", "float32", "nchw"),
        ("int8", "int8", "nhwc"),
    ):
        options = ExportOptions(layout=layout)
        job = Job(network, described, options, preprocessing, nothing, tuple(images), (), precision)
        files[kind] = folder / f"{kind}.onnx"
        format.write(job, files[kind])
    return files


def session(file: Path, batch: int) -> Callable[[], float]:
    """Returns the timed pass of an ONNX file in onnxruntime, as it is set by default."""
    import numpy as np

    from kerascnn.runtimes.telemetry import import_onnxruntime

    onnxruntime = import_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    runtime = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    (taken,) = runtime.get_inputs()
    shape = [batch, *taken.shape[1:]]
    image = np.random.default_rng(0).normal(size=shape).astype("float32")
    return timed(lambda: runtime.run(None, {taken.name: image}))


def in_openvino(file: Path, batch: int) -> Callable[[], float]:
    """Returns the timed pass of an ONNX file in OpenVINO, as kerascnn opens it, in float32."""
    import numpy as np

    from kerascnn.inference.open_classifier import open_classifier

    network = open_classifier(file, runtime="openvino")
    image = np.random.default_rng(0).normal(size=(batch, 224, 224, 3)).astype("float32")
    return timed(lambda: network.scores(image))


def timed(work: Callable[[], Any]) -> Callable[[], float]:
    def once() -> float:
        start = time.perf_counter()
        work()
        return time.perf_counter() - start

    return once


def in_turns(contenders: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Times contenders alternately, each after a warm-up."""
    passes = {}
    for name, once in contenders.items():
        spent = once()
        while spent < WARM:
            spent += once()
        passes[name] = max(1, int(SECONDS / once()))
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds):
        # The order alternates, so that no contender always follows the same one.
        for name, once in list(contenders.items())[:: -1 if number % 2 else 1]:
            time.sleep(REST)
            taken[name].append(statistics.median(once() for _ in range(passes[name])))
    return taken


def measure(name: str, torch: Process | None) -> dict[str, Any]:
    """Returns seconds and ratios of one network for each batch size."""
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        ours, theirs = write_ours(name, folder), folder / "torch.onnx"
        if torch:
            torch.ask(f"export {NETWORKS[name]} {theirs}")
        for batch, rounds in BATCHES.items():
            contenders = {kind: session(file, batch) for kind, file in ours.items()}
            contenders["openvino"] = in_openvino(ours["ours"], batch)
            contenders["openvino_int8"] = in_openvino(ours["int8"], batch)
            if torch:
                contenders["torch_onnx"] = session(theirs, batch)
                line = f"{NETWORKS[name]} {batch}"
                contenders["eager"] = lambda line=line: float(torch.ask(line))
            taken = in_turns(contenders, rounds)
            medians = {kind: statistics.median(times) for kind, times in taken.items()}
            ratios = {
                "int8": medians["ours"] / medians["int8"],
                "openvino_int8": medians["openvino"] / medians["openvino_int8"],
            }
            if torch:
                ratios["torch_onnx"] = medians["torch_onnx"] / medians["nchw"]
                ratios["torch_onnx_nhwc"] = medians["torch_onnx"] / medians["ours"]
                ratios["eager"] = medians["eager"] / medians["ours"]
            result[str(batch)] = {
                "seconds": medians,
                "spread": {kind: [min(times), max(times)] for kind, times in taken.items()},
                "ratios": ratios,
            }
            print(name, batch, json.dumps(result[str(batch)]["ratios"]), flush=True)
    return result


def measure_predictor() -> dict[str, Any]:
    """Compares Predictor with keras.Model.predict and with the runtime alone, on fresh weights.

    What half precision changes in the answers of trained networks is measured by precision.py.
    """
    import keras
    import numpy as np

    import kerascnn
    from kerascnn.runtimes.available import processor_count
    from kerascnn.runtimes.openvino import shared_core

    keras.utils.set_random_seed(0)
    preprocessing = kerascnn.model_info("resnet50").preprocessing
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as directory:
        out = Path(directory) / "out"
        kerascnn.export(
            kerascnn.create_model("resnet50"), out, ["onnx"], preprocessing=preprocessing
        )
        core = shared_core()
        half = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        predictor = kerascnn.Predictor(out, precision="bfloat16" if half else "float32")
        pixels = np.random.default_rng(0).integers(0, 256, (max(BATCHES), 224, 224, 3), "uint8")
        exact = kerascnn.Predictor(out, precision="float32", samples=pixels)
        result["info"] = {
            "runtime": predictor.info.runtime,
            "precision": predictor.info.precision,
            "float32_runtime": exact.info.runtime,
        }
        setting = {
            "INFERENCE_PRECISION_HINT": "bf16" if half else "f32",
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": processor_count(),
        }
        stock = keras.applications.ResNet50(weights=None)
        for batch, rounds in BATCHES.items():
            images = pixels[:batch]
            ready = preprocessing(images)
            model = core.read_model(str(out / "model.onnx"))
            model.reshape(ready.shape)  # which is faster than any number of images
            request = core.compile_model(model, "CPU", setting).create_infer_request()
            taken = in_turns(
                {
                    "bare": timed(
                        lambda request=request, ready=ready: request.infer(
                            [ready], share_inputs=True
                        )
                    ),
                    "prepared": timed(lambda ready=ready: predictor.probabilities(ready)),
                    "images": timed(lambda images=images: predictor(images)),
                    "float32": timed(lambda ready=ready: exact.probabilities(ready)),
                    "keras": timed(lambda ready=ready: stock.predict(ready, verbose=0)),
                },
                rounds,
            )
            medians = {kind: statistics.median(times) for kind, times in taken.items()}
            result[str(batch)] = {
                "seconds": medians,
                "spread": {kind: [min(times), max(times)] for kind, times in taken.items()},
                "ratios": {
                    "keras": medians["keras"] / medians["prepared"],
                    "keras_images": medians["keras"] / medians["images"],
                    "keras_float32": medians["keras"] / medians["float32"],
                    "overhead": medians["prepared"] / medians["bare"] - 1,
                    "overhead_images": medians["images"] / medians["bare"] - 1,
                },
            }
            print(batch, json.dumps(result[str(batch)]["ratios"]), flush=True)
    return result


NOTES = """\
Files with the same input come to the same operators in onnxruntime but for a Softmax and the
shuffles of ShuffleNetV2, so ratios from 0.95 to 1.05 are equality: two runs of ResNet-50 gave 1.03
and 0.97, of MobileNetV2 with 16 images, channels last, 0.95 and 1.05.

EfficientNet-B0 gains little by int8 in onnxruntime, which has no operator of integers for swish,
only QLinearSigmoid and QLinearMul. Of 54 ms for 16 images the convolutions take 20 (42 in float32),
swish 21 (14) and the gates 8 (4): convolutions and swish alone are more than the 39 ms that would
be 1.8 times as fast as float32 (profile on an AMD EPYC, onnxruntime 1.32). OpenVINO computes swish
in float32 as a part of the convolution before it.

`Predictor` measures before it takes int8, bfloat16 or the other runtime."""


def table(results: dict[str, Any]) -> str:
    """Returns all results as Markdown."""
    lines = [
        "# Inference",
        "",
        "224x224 images on the CPU, medians of passes that took turns in one run for each network. "
        "A ratio above 1 is in our favour. torchvision's ONNX file takes images with the channels "
        "first: its time in onnxruntime is divided by that of ours with the same input, and by "
        "that of our default, which takes the channels last and has a Transpose to do. PyTorch's "
        "time in eager mode, channels last, is divided by that of our default. int8: the time of "
        "our float32 divided by that of our int8, channels last, both in onnxruntime and then both "
        "in OpenVINO.",
        "",
        "| network | batch | ours, ms | torchvision's ONNX, same input | channels last | "
        "PyTorch eager | int8, ms | int8 | OpenVINO, ms | int8, ms | int8 |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name in NETWORKS:
        for batch in BATCHES if name in results else ():
            result = results[name][str(batch)]
            ratios, seconds = result["ratios"], result["seconds"]
            cells = [milliseconds(seconds, "ours")]
            cells += [ratio(ratios, kind) for kind in ("torch_onnx", "torch_onnx_nhwc", "eager")]
            cells += [milliseconds(seconds, "int8"), ratio(ratios, "int8")]
            cells += [milliseconds(seconds, kind) for kind in ("openvino", "openvino_int8")]
            cells.append(ratio(ratios, "openvino_int8"))
            lines.append(f"| {name} | {batch} | {' | '.join(cells)} |")
    lines += ["", NOTES]
    if PREDICTOR in results:
        lines += ["", *predictor_table(results[PREDICTOR])]
    return "\n".join(lines)


def milliseconds(seconds: dict[str, float], kind: str) -> str:
    return f"{1e3 * seconds[kind]:.1f}" if kind in seconds else "-"


def ratio(ratios: dict[str, float], kind: str) -> str:
    return f"{ratios[kind]:.2f}" if kind in ratios else "-"


def predictor_table(result: dict[str, Any]) -> list[str]:
    info = result["info"]
    lines = [
        "## Predictor, ResNet-50",
        "",
        f"{info['runtime']} in {info['precision']}, against keras.applications' ResNet-50; float32 "
        f"in {info.get('float32_runtime', 'openvino')}. What bfloat16 changes in the answers of "
        "trained networks stands in precision.md.",
        "",
        "| batch | Predictor, ms | from uint8, ms | in float32, ms | keras.Model.predict, ms | "
        "ratio | from uint8 | in float32 | over the bare runtime | from uint8 |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for batch in BATCHES:
        seconds, ratios = result[str(batch)]["seconds"], result[str(batch)]["ratios"]
        cells = [
            f"{1e3 * seconds[kind]:.1f}" for kind in ("prepared", "images", "float32", "keras")
        ]
        lines.append(
            f"| {batch} | {' | '.join(cells)} | {ratios['keras']:.1f} | "
            f"{ratios['keras_images']:.1f} | {ratios['keras_float32']:.1f} | "
            f"{ratios['overhead']:+.1%} | {ratios['overhead_images']:+.1%} |"
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--networks", nargs="+", choices=[*NETWORKS, PREDICTOR], default=[*NETWORKS, PREDICTOR],
        metavar="NAME", help=f"{', '.join([*NETWORKS, PREDICTOR])} (all)",
    )  # fmt: skip
    parser.add_argument("--torch-python", help="a Python interpreter with torch and torchvision")
    parser.add_argument(
        "--results", default="inference", metavar="NAME", help="name of the result files"
    )
    arguments = parser.parse_args()
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
    python = arguments.torch_python
    torch = Process(python, "torch_inference.py") if python else None
    version = torch.line() if torch else None
    for part in arguments.networks:
        result = measure_predictor() if part == PREDICTOR else measure(part, torch)
        stored = RESULTS / f"{arguments.results}.json"
        results = json.loads(stored.read_text()) if stored.exists() else {}
        about = machine()
        if version:
            about["versions"]["torch"] = version
        kept = results.get("machine", {}).get("versions", {})
        about["versions"] = {**kept, **about["versions"]}  # torch's, where it was not asked now
        results = {**results, part: result, "machine": about}
        save(arguments.results, results, table(results))
    if torch:
        torch.close()


if __name__ == "__main__":
    main()
