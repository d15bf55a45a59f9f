"""Compares the time to build a model with keras.applications, and measures the cost of depth.

    python benchmarks/build.py

Both are built alternately, five times, in one process; the ratio is that of the medians. Results go
to benchmarks/results/build.json and .md.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from machine import machine, save  # noqa: E402

import kerascnn  # noqa: E402
from kerascnn.cli.startup import start_keras  # noqa: E402

# Our row -> the builder of keras.applications.
SHARED = {
    "vgg16": "VGG16",
    "vgg19": "VGG19",
    "resnet50": "ResNet50",
    "resnet101": "ResNet101",
    "resnet152": "ResNet152",
    "resnet50_v2": "ResNet50V2",
    "resnet101_v2": "ResNet101V2",
    "densenet121": "DenseNet121",
    "densenet169": "DenseNet169",
    "mobilenet_v1": "MobileNet",
    "mobilenet_v2": "MobileNetV2",
    "mobilenet_v3_small": "MobileNetV3Small",
    "mobilenet_v3_large": "MobileNetV3Large",
    "efficientnet_b0": "EfficientNetB0",
    "inception_v3": "InceptionV3",
    "inception_resnet_v2": "InceptionResNetV2",
    "nasnet_mobile": "NASNetMobile",
}


def seconds(build: Callable[[], object]) -> float:
    import keras

    keras.utils.clear_session()
    gc.collect()
    start = time.perf_counter()
    build()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="*", help="rows that both libraries have (all)")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    start_keras()
    import keras

    kerascnn.create_model("lenet5")  # whatever is done once is done here
    rows = []
    for name in arguments.rows or SHARED:
        theirs = getattr(keras.applications, SHARED[name])
        ours: list[float] = []
        other: list[float] = []
        for _ in range(arguments.repeats):
            ours.append(seconds(lambda name=name: kerascnn.create_model(name)))
            other.append(seconds(lambda theirs=theirs: theirs(weights=None)))
        first, second = statistics.median(ours), statistics.median(other)
        rows.append({"row": name, "ours": first, "keras": second, "ratio": second / first})
        print(f"{name:22} {first:6.2f} s  keras {second:6.2f} s  ratio {second / first:.2f}")
    depths = []
    for blocks in (18, 54, 166):  # ResNet-110, ResNet-326 and, by the paper's 6n + 2, ResNet-998
        took = seconds(
            lambda blocks=blocks: kerascnn.create_model("resnet110_cifar", depth=blocks / 18)
        )
        depths.append({"layers": 6 * blocks + 2, "seconds": took, "per_layer": took / blocks / 6})
        print(f"ResNet-{6 * blocks + 2}: {took:.1f} s, {1e3 * took / (6 * blocks):.1f} ms a layer")
    table = ["| row | kerascnn, s | keras.applications, s | ratio |", "|---|---:|---:|---:|"]
    table += [
        f"| {r['row']} | {r['ours']:.2f} | {r['keras']:.2f} | {r['ratio']:.2f} |" for r in rows
    ]
    table += ["", "| CIFAR ResNet of | seconds | ms a layer |", "|---|---:|---:|"]
    table += [
        f"| {d['layers']} layers | {d['seconds']:.1f} | {1e3 * d['per_layer']:.1f} |"
        for d in depths
    ]
    save("build", {"machine": machine(), "rows": rows, "depths": depths}, "\n".join(table))


if __name__ == "__main__":
    main()
