"""Compares a training step of `kerascnn.train` with `fit` of Keras and with PyTorch.

    python benchmarks/train.py --torch-python /path/to/python            # 12 minutes
    python benchmarks/train.py vgg16-auto --torch-python /path/to/python # one part again

Four kinds of steps alternate on the same `tf.data` pipeline: a step of `train` with all its
callbacks (guards, progress, resume); the same network in `keras.Model.fit`, which shows the cost of
the callbacks; the network of keras.applications in `fit`; and that of torchvision, in a separate
process, with the layout and precision that were fastest in the first round. In the parts named
-auto, `precision="auto"` selects the precision, and keras.applications runs in float32. A time is
the median between the ends of two steps: it includes loading and callbacks, but not the ends of
epochs. Forward, backward and SGD with momentum. The results of each part are merged into
benchmarks/results/train.json and .md as soon as they are complete, together with those of other
processors.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import json
import os
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from machine import RESULTS, machine, save  # noqa: E402
from process import Process  # noqa: E402

import kerascnn  # noqa: E402
from kerascnn.cli.startup import start_keras  # noqa: E402
from kerascnn.recipes.fields import Recipe  # noqa: E402
from kerascnn.training.strategy import policy_scope  # noqa: E402

PARTS = {
    "resnet50": ("resnet50", 224, 8, 3),
    "mobilenet_v2": ("mobilenet_v2", 224, 8, 8),
    "resnet20_cifar": ("resnet20_cifar", 32, 128, 20),
    "resnet50-auto": ("resnet50", 224, 16, 3),
    "vgg16-auto": ("vgg16", 224, 16, 4),
}
"""Part -> network, image side, batch size and steps of each contender in a round."""
TORCH = [f"{layout}{half}" for layout in ("channels_first", "channels_last")
         for half in ("", "+bfloat16")]  # fmt: skip
RECIPE = Recipe("sgd", optimizer="sgd", learning_rate=1e-3, schedule="constant", warmup=0.0)


def keras_resnet20() -> Any:
    """The ResNet-20 of Keras's CIFAR example, version 1: He 2015, section 4.2, stride-2 shortcuts
    by 1x1 convolution."""
    import keras

    def unit(x: Any, filters: int, size: int = 3, stride: int = 1, relu: bool = True) -> Any:
        x = keras.layers.Conv2D(
            filters, size, stride, "same", kernel_initializer="he_normal",
            kernel_regularizer=None,
        )(x)  # fmt: skip
        x = keras.layers.BatchNormalization()(x)
        return keras.layers.Activation("relu")(x) if relu else x

    image = keras.Input((32, 32, 3))
    x = unit(image, 16)
    for stage, filters in enumerate((16, 32, 64)):
        for block in range(3):
            stride = 2 if stage and not block else 1
            y = unit(unit(x, filters, stride=stride), filters, relu=False)
            if stride == 2:
                x = unit(x, filters, 1, stride, relu=False)
            x = keras.layers.Activation("relu")(keras.layers.add([x, y]))
    x = keras.layers.Flatten()(keras.layers.AveragePooling2D(8)(x))
    return keras.Model(image, keras.layers.Dense(10, activation="softmax", dtype="float32")(x))


def twin(row: str) -> Any:
    """Returns Keras's network of the same architecture, with a float32 head."""
    import keras

    if row == "resnet20_cifar":
        return keras_resnet20()
    maker = {"resnet50": "ResNet50", "mobilenet_v2": "MobileNetV2", "vgg16": "VGG16"}[row]
    model = getattr(keras.applications, maker)(weights=None)
    if keras.config.dtype_policy().name == "float32":
        return model
    model.layers[-1].activation = keras.activations.linear
    out = keras.layers.Activation("softmax", dtype="float32")(model.output)
    return keras.Model(model.inputs, out)


class Bench:
    """Times the steps of one network in one precision, alternately with Keras."""

    def __init__(
        self, row: str, side: int, batch: int, policies: tuple[str, str], stack: ExitStack
    ) -> None:
        import keras
        import numpy as np
        import tensorflow as tf

        from kerascnn.data.sources.dataset import Data, Split
        from kerascnn.imaging.preprocessing import Preprocessing
        from kerascnn.recipes.optimizers import make_optimizer
        from kerascnn.runs.run import start_directory
        from kerascnn.training.input import training_pipelines
        from kerascnn.training.losses import compile_arguments
        from kerascnn.training.resume import Start
        from kerascnn.training.session import RecordingOptions, open_recording
        from kerascnn.training.training_setup import TrainingSetup, compiled_engine

        self.batch = batch
        classes = 10 if row == "resnet20_cifar" else 1000
        draw = np.random.default_rng(0)
        images = draw.integers(0, 256, (4 * batch, side, side, 3)).astype("uint8")
        split = Split(images, draw.integers(0, classes, len(images)))
        names = tuple(map(str, range(classes)))
        data = Data("random", split, split, names, (side, side, 3), "0" * 64, "all twice")
        recipe = replace(RECIPE, batch_size=batch, epochs=10_000)
        prepared = Preprocessing(size=(side, side))
        setup = TrainingSetup(recipe, policies[0], tf.distribute.get_strategy())
        self.data, _ = training_pipelines(data, prepared, setup)
        with policy_scope(policies[0]):
            ours = kerascnn.create_model(row, input_shape=(side, side, 3), classes=classes)
        with policy_scope(policies[1]):
            theirs = twin(row)
        engine = compiled_engine(ours, setup)
        plain = keras.Model(ours.inputs, ours.outputs)  # shares the weights
        for model in (plain, theirs):
            model.compile(make_optimizer(recipe, model), **compile_arguments(recipe, ours))
        self.models = {"kerascnn": engine, "same network, fit": plain, "keras": theirs}
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        config = {
            "model": {"name": row, "parameters": ours.count_params(), "stem": None},
            "data": {"name": "random", "train": 0, "test": 0, "class_names": []},
            "strategy": {"replicas": 1}, "precision": policies[0], "preprocessing": {},
        }  # fmt: skip
        start = Start(start_directory(directory, config))
        self.recording = open_recording(start, engine, data, setup, RecordingOptions(verbose=True))
        self.around = self.recording.__enter__().callbacks
        self.taken: dict[str, list[float]] = {name: [] for name in self.models}

    def turn(self, steps: int) -> None:
        """Runs some steps of each network."""
        import keras

        # The order alternates, so that no contender always follows the same one.
        self.models = dict(reversed(self.models.items()))
        for name, model in self.models.items():
            ends: list[float] = []
            clock = keras.callbacks.LambdaCallback(
                on_train_batch_end=lambda batch, logs, ends=ends: ends.append(time.perf_counter())
            )
            around = [
                callback for callback in self.around if name == "kerascnn" and on_steps(callback)
            ]
            model.fit(
                self.data, epochs=1, steps_per_epoch=steps + 2, callbacks=[clock, *around],
                shuffle=False, verbose=0,
            )  # fmt: skip
            # The first step starts with an empty queue, and the last step ends an epoch.
            self.taken[name] += [b - a for a, b in pairwise(ends[:-1])]

    def close(self) -> None:
        """Releases the networks."""
        for callback in self.around:
            getattr(callback, "close", lambda: None)()
        self.models.clear()
        gc.collect()


def on_steps(callback: Any) -> bool:
    """Returns whether a callback of `train` runs here: not if it writes at the end of an epoch."""
    return type(callback).__name__ not in ("ModelFiles", "HistoryFile", "EventWriter", "Commits")


def measured(
    part: str, policies: tuple[str, str], torch: Process | None, rounds: int
) -> dict[str, Any]:
    """Returns the median seconds of a step of each contender."""
    row, side, batch, steps = PARTS[part]
    with ExitStack() as stack:
        bench = Bench(row, side, batch, policies, stack)
        taken = bench.taken
        layouts = TORCH if torch and row != "resnet20_cifar" else []
        first: dict[str, float] = {}
        for number in range(rounds + 1):
            bench.turn(steps)
            for layout in layouts:
                assert torch is not None
                step_seconds = float(torch.ask(f"{row} {layout} {side} {batch}"))
                taken.setdefault(f"torch {layout}", []).append(step_seconds)
            if not number:  # compiling, and caches that fill
                first = {k: v[-1] for k, v in taken.items() if k.startswith("torch")}
                fastest = min(first, key=lambda name: first[name], default="torch ")
                layouts = [layout for layout in layouts if fastest == f"torch {layout}"]
                taken.update({name: [] for name in bench.models})
                for name in first:
                    del taken[name]
            print(part, *policies, {k: round(v[-1], 4) for k, v in taken.items() if v}, flush=True)
        bench.close()
    medians = {name: statistics.median(times) for name, times in taken.items()}
    best = f"torch {layouts[0]}" if layouts else None
    return {
        "row": row, "size": side, "batch": batch, "precision": policies[0],
        "keras_precision": policies[1],
        "seconds": medians,
        "samples": taken, "ratio": medians["keras"] / medians["kerascnn"],
        "guards": medians["kerascnn"] / medians["same network, fit"] - 1,
        "torch": None if best is None else {"how": best, "seconds": medians[best]},
        "torch_first_round": first, "load_average": os.getloadavg()[0],
    }  # fmt: skip


def chosen(row: str, side: int, batch: int) -> tuple[str, dict[str, float]]:
    """Returns the precision that precision="auto" selects, and its measured times."""
    from kerascnn.training.auto_precision import candidates, fastest, measure

    def build() -> Any:
        return kerascnn.create_model(row, input_shape=(side, side, 3))

    seconds = measure(build, replace(RECIPE, batch_size=batch), batch, candidates())
    return fastest(seconds), seconds


def line(result: dict[str, Any]) -> str:
    """Returns a row of the table."""
    seconds, batch = result["seconds"], result["batch"]
    torch = result["torch"]
    against = "- | -"
    if torch:
        how = torch["how"].removeprefix("torch ")
        against = f"{batch / torch['seconds']:.1f} ({how}) | "
        against += f"{torch['seconds'] / seconds['kerascnn']:.2f}"
    precision = result["precision"]
    if precision != result["keras_precision"]:
        precision += f" (auto), Keras's {result['keras_precision']}"
    keras = f"{batch / seconds['keras']:.1f}"
    return (
        f"| {result['row']} | {result['size']} | {batch} | {precision} | {result['cpu']} | "
        f"{batch / seconds['kerascnn']:.1f} | {keras} | {result['ratio']:.2f} | "
        f"{100 * result['guards']:+.1f} % | {against} |"
    )


def write(results: dict[str, Any], about: dict[str, Any]) -> list[str]:
    """Writes the results of all measured parts; returns the table."""
    table = [
        "| network | side | batch | precision | processor | kerascnn | Keras's fit | ratio | "
        "around it | PyTorch's best | ratio |",
        "|---|---:|---:|---|---|---:|---:|---:|---:|---:|---:|",
        *map(line, results.values()),
    ]
    for part in results.values():
        if "measured" in part:
            times = ", ".join(f"{k} {1e3 * v:.0f} ms" for k, v in part["measured"].items())
            text = f'{part["row"]}, {part["cpu"]}: precision="auto" measured {times}.'
            table += ["", text]
    heading = [
        "# Training steps",
        "",
        "Images per second of training steps that took turns, medians; a ratio above 1 is in our "
        "favour. *around it* is what guards, progress and resume add to the time of a step.",
        "",
    ]
    save("train", {"machine": about, "parts": results}, "\n".join(heading + table))
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", default=list(PARTS), help=", ".join(PARTS))
    parser.add_argument("--torch-python", help="a Python interpreter with torch and torchvision")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    here = sys.executable if importlib.util.find_spec("torch") else None
    python = arguments.torch_python or here
    torch = Process(python, "torch_steps.py") if python else None
    version = torch.line() if torch else None
    start_keras()
    about = machine()
    if version:
        about["versions"]["torch"] = version
    stored = RESULTS / "train.json"
    results = json.loads(stored.read_text("utf-8"))["parts"] if stored.is_file() else {}
    table: list[str] = []
    for part in arguments.parts:
        policies, seconds = ("float32", "float32"), {}
        if part.endswith("-auto"):
            policy, seconds = chosen(*PARTS[part][:3])
            # Keras runs in its default precision, float32.
            policies = (policy, "float32")
        result = measured(part, policies, torch, arguments.rounds)
        result["cpu"] = about["cpu"]
        if seconds:
            result["measured"] = seconds
        results[f"{part}, {about['cpu']}"] = result
        table = write(results, about)
    if torch:
        torch.close()
    print("\n".join(table))


if __name__ == "__main__":
    main()
