"""Inference: our ONNX files against torchvision's, against PyTorch, int8, and Predictor.

    python benchmarks/inference.py --torch-python PYTHON                     # 15 minutes
    python benchmarks/inference.py --torch-python PYTHON --networks vgg16    # one network again
    python benchmarks/inference.py --networks predictor

Each network is measured in one run in which all contenders take turns; the ratios are of medians.
torchvision's file is written by torch.onnx and runs in the same onnxruntime; PyTorch itself runs
eagerly, channels last, in an interpreter of its own. `predictor` compares kerascnn.Predictor with
keras.Model.predict of keras.applications for ResNet-50, and with the bare runtime. Each network's
results go into benchmarks/results/inference.json and .md as soon as it ends, beside those of the
others, so that a run that is cut loses nothing and a part can be measured anew.
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
from torch_process import TorchProcess  # noqa: E402

NETWORKS = {
    "resnet50_v1_5": "resnet50",  # torchvision has the stride in the 3x3
    "vgg16": "vgg16",
    "mobilenet_v2": "mobilenet_v2",
    "densenet121": "densenet121",
    "efficientnet_b0": "efficientnet_b0",
    "shufflenet_v2_x1_0": "shufflenet_v2_x1_0",
    "googlenet_bn": "googlenet",
}
PREDICTOR = "predictor"
BATCHES = {1: 15, 16: 7}
"""Batch sizes, and in how many rounds each contender is timed."""
# A library's threads spin for a while after a batch and would disturb the next one's.
REST = 0.15
SECONDS = 0.8
"""What one contender may take in a round at most, by several passes for quick networks."""


def write_ours(name: str, folder: Path) -> dict[str, Path]:
    """Writes a row of ours with fresh weights as ONNX in float32 and int8."""
    import keras
    import numpy as np

    import kerascnn
    from kerascnn.exporting import metadata, onnx_format
    from kerascnn.exporting.network import prepare
    from kerascnn.exporting.options import ExportOptions, Job
    from kerascnn.exporting.proof import Questions

    keras.utils.set_random_seed(0)
    model = kerascnn.create_model(name)
    network = prepare(model)
    preprocessing = kerascnn.model_info(name).preprocessing
    described = metadata.describe(metadata.Source(model, None, None, preprocessing), network)
    images = np.random.default_rng(0).normal(size=(4, 224, 224, 3)).astype("float32")
    nothing = Questions(0, (), (), None)
    files = {}
    for precision in ("float32", "int8"):
        options = ExportOptions()
        job = Job(network, described, options, preprocessing, nothing, tuple(images), (), precision)
        files[precision] = folder / f"{precision}.onnx"
        onnx_format.write(job, files[precision])
    return files


def session(file: Path, batch: int) -> Callable[[], float]:
    """Returns the timed pass of an ONNX file in onnxruntime, as it is set by default."""
    import numpy as np

    from kerascnn.runtimes import import_onnxruntime

    onnxruntime = import_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    made = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    (taken,) = made.get_inputs()
    shape = [batch, *taken.shape[1:]]
    image = np.random.default_rng(0).normal(size=shape).astype("float32")
    return timed(lambda: made.run(None, {taken.name: image}))


def timed(work: Callable[[], Any]) -> Callable[[], float]:
    def once() -> float:
        start = time.perf_counter()
        work()
        return time.perf_counter() - start

    return once


def in_turns(contenders: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Times contenders in turns, after two passes to warm up."""
    passes = {}
    for name, once in contenders.items():
        once()
        passes[name] = max(1, min(10, int(SECONDS / 4 / max(once(), 1e-6))))
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, once in contenders.items():
            time.sleep(REST)
            taken[name].append(statistics.median(once() for _ in range(passes[name])))
    return taken


def measure(name: str, torch: TorchProcess | None) -> dict[str, Any]:
    """Returns seconds and ratios of one network for each batch size."""
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        ours, theirs = write_ours(name, folder), folder / "torch.onnx"
        if torch:
            torch.ask(f"export {NETWORKS[name]} {theirs}")
        for batch, rounds in BATCHES.items():
            contenders = {
                "ours": session(ours["float32"], batch),
                "int8": session(ours["int8"], batch),
            }
            if torch:
                contenders["torch_onnx"] = session(theirs, batch)
                line = f"{NETWORKS[name]} {batch}"
                contenders["eager"] = lambda line=line: float(torch.ask(line))
            taken = in_turns(contenders, rounds)
            medians = {one: statistics.median(times) for one, times in taken.items()}
            result[str(batch)] = {
                "seconds": medians,
                "spread": {one: [min(times), max(times)] for one, times in taken.items()},
                "ratios": {one: t / medians["ours"] for one, t in medians.items() if one != "ours"},
            }
            result[str(batch)]["ratios"]["int8"] = medians["ours"] / medians["int8"]
            print(name, batch, json.dumps(result[str(batch)]["ratios"]), flush=True)
    return result


def digits_resnet() -> tuple[Any, Any, Any]:
    """Returns a ResNet-50 that reads digits, and images of digits to try and to judge it with.

    Its filters are those of its initialiser; its branches are a tenth as strong as its shortcuts,
    so that little errors stay little, its batch norms have seen 64 digits, and its last layer is
    fitted to 400 by least squares. So its answers are mostly right, and its first class means
    something.
    """
    import keras
    import numpy as np
    from PIL import Image

    import kerascnn

    data = kerascnn.load_data("digits")

    def large(images: Any) -> Any:
        made = [
            Image.fromarray(one[..., 0]).resize((224, 224), Image.Resampling.BICUBIC)
            for one in images
        ]
        return np.stack([np.repeat(np.asarray(one)[..., None], 3, -1) for one in made])

    keras.utils.set_random_seed(0)
    model = kerascnn.create_model("resnet50", classes=10)
    preprocessing = kerascnn.model_info("resnet50").preprocessing
    train, labels = large(data.train.images[:600]), data.train.labels[:400]
    norms = [one for one in model.layers if isinstance(one, keras.layers.BatchNormalization)]
    momenta = [one.momentum for one in norms]
    for one in norms:
        one.momentum = 0.0
        if one.name.endswith("_conv3_bn"):
            one.gamma.assign(0.1 * one.gamma)
    model(preprocessing(train[:64]), training=True)
    for one, momentum in zip(norms, momenta, strict=True):
        one.momentum = momentum
    head = model.get_layer("predictions")
    before = keras.Model(model.inputs, head.input)
    features = np.concatenate(
        [before(preprocessing(train[at : at + 16]), training=False) for at in range(0, 400, 16)]
    ).astype("float64")
    mean = features.mean(0)
    centred = features - mean
    wanted = np.eye(10)[labels] - 0.1
    # Ridge regression in its dual form: 400 images have fewer dimensions than 2048 features.
    gram = centred @ centred.T
    dual = np.linalg.solve(gram + 0.1 * np.trace(gram) / 400 * np.eye(400), wanted)
    kernel = 10 * centred.T @ dual
    head.set_weights([kernel, -mean @ kernel])
    return model, train[400:], (large(data.test.images[:200]), data.test.labels[:200])


def measure_predictor() -> dict[str, Any]:
    """Compares Predictor with keras.Model.predict, with the bare runtime and with float32."""
    import keras

    import kerascnn
    from kerascnn.runtimes import cores, import_openvino

    model, train, (images, labels) = digits_resnet()
    preprocessing = kerascnn.model_info("resnet50").preprocessing
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as directory:
        out = Path(directory) / "out"
        kerascnn.export(model, out, ["onnx"], preprocessing=preprocessing)
        exact = kerascnn.Predictor(out, precision="float32")
        wanted = exact.probabilities(preprocessing(images))
        predictor = kerascnn.Predictor(out, samples=train)
        got = predictor.probabilities(preprocessing(images))
        info = predictor.info
        result["info"] = {
            "runtime": info.runtime,
            "precision": info.precision,
            "reason": info.reason,
            "agreement": float((got.argmax(1) == wanted.argmax(1)).mean()),
            "compared": len(images),
            "accuracy": float((got.argmax(1) == labels).mean()),
            "accuracy_float32": float((wanted.argmax(1) == labels).mean()),
        }
        print(json.dumps(result["info"]), flush=True)
        core = import_openvino().Core()
        setting = {
            "INFERENCE_PRECISION_HINT": {"bfloat16": "bf16"}.get(info.precision, "f32"),
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": cores(),
        }
        bare = core.compile_model(str(out / "model.onnx"), "CPU", setting)
        stock = keras.applications.ResNet50(weights=None)
        for batch, rounds in BATCHES.items():
            pixels = images[:batch]
            ready = preprocessing(pixels)
            taken = in_turns(
                {
                    "bare": timed(lambda ready=ready: bare(ready)),
                    "prepared": timed(lambda ready=ready: predictor.probabilities(ready)),
                    "images": timed(lambda pixels=pixels: predictor(pixels)),
                    "float32": timed(lambda ready=ready: exact.probabilities(ready)),
                    "keras": timed(lambda ready=ready: stock.predict(ready, verbose=0)),
                },
                rounds,
            )
            medians = {one: statistics.median(times) for one, times in taken.items()}
            result[str(batch)] = {
                "seconds": medians,
                "spread": {one: [min(times), max(times)] for one, times in taken.items()},
                "ratios": {
                    "keras": medians["keras"] / medians["prepared"],
                    "keras_images": medians["keras"] / medians["images"],
                    "overhead": medians["prepared"] / medians["bare"] - 1,
                    "overhead_images": medians["images"] / medians["bare"] - 1,
                },
            }
            print(batch, json.dumps(result[str(batch)]["ratios"]), flush=True)
    return result


def table(results: dict[str, Any]) -> str:
    """Returns all results as Markdown."""
    lines = [
        "# Inference",
        "",
        "224x224 images on the CPU, medians of passes that took turns in one run for each network. "
        "A ratio above 1 is in our favour: the time of the other divided by that of our ONNX file "
        "in float32; for int8 the time of our float32 divided by that of our int8, both in "
        "onnxruntime.",
        "",
        "| network | batch | ours, ms | torchvision's ONNX | PyTorch eager | int8, ms | int8 |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name in NETWORKS:
        for batch in BATCHES if name in results else ():
            found = results[name][str(batch)]
            ratios, seconds = found["ratios"], found["seconds"]
            cells = [
                f"{ratios[one]:.2f}" if one in ratios else "-" for one in ("torch_onnx", "eager")
            ]
            lines.append(
                f"| {name} | {batch} | {1e3 * seconds['ours']:.1f} | {' | '.join(cells)} | "
                f"{1e3 * seconds['int8']:.1f} | {ratios['int8']:.2f} |"
            )
    if PREDICTOR in results:
        lines += ["", *predictor_table(results[PREDICTOR])]
    return "\n".join(lines)


def predictor_table(found: dict[str, Any]) -> list[str]:
    info = found["info"]
    lines = [
        "## Predictor, ResNet-50",
        "",
        f"{info['runtime']}, {info['precision']}: {info['reason']}. On {info['compared']} digits "
        f"that it had not seen the same class comes first as in float32 for "
        f"{info['agreement']:.1%}; {info['accuracy']:.1%} of them are right "
        f"({info['accuracy_float32']:.1%} in float32).",
        "",
        "| batch | Predictor, ms | from uint8, ms | in float32, ms | keras.Model.predict, ms | "
        "ratio | over the bare runtime | from uint8 |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for batch in BATCHES:
        seconds, ratios = found[str(batch)]["seconds"], found[str(batch)]["ratios"]
        cells = [f"{1e3 * seconds[one]:.1f}" for one in ("prepared", "images", "float32", "keras")]
        lines.append(
            f"| {batch} | {' | '.join(cells)} | {ratios['keras']:.1f} | "
            f"{ratios['overhead']:+.1%} | {ratios['overhead_images']:+.1%} |"
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--networks", nargs="+", choices=[*NETWORKS, PREDICTOR], default=[*NETWORKS, PREDICTOR],
        metavar="NAME", help=f"{', '.join([*NETWORKS, PREDICTOR])} (all)",
    )  # fmt: skip
    parser.add_argument("--torch-python", help="an interpreter that has torch and torchvision")
    arguments = parser.parse_args()
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
    python = arguments.torch_python
    torch = TorchProcess(python, "torch_inference.py") if python else None
    version = torch.line() if torch else None
    for part in arguments.networks:
        found = measure_predictor() if part == PREDICTOR else measure(part, torch)
        stored = RESULTS / "inference.json"
        results = json.loads(stored.read_text()) if stored.exists() else {}
        about = machine()
        if version:
            about["versions"]["torch"] = version
        kept = results.get("machine", {}).get("versions", {})
        about["versions"] = {**kept, **about["versions"]}  # torch's, where it was not asked now
        results = {**results, part: found, "machine": about}
        save("inference", results, table(results))
    if torch:
        torch.close()


if __name__ == "__main__":
    main()
