"""Measures the overhead of a search over its trainings, and the time to compute budgets.

    python benchmarks/tuning.py

Overhead: the same trials (one network, different learning rates) by `kerascnn.tuning.search` and by
keras_tuner.GridSearch over a function that builds and compiles the model with the recipe's
optimizer, on the same `tf.data` pipelines (built once, without TensorFlow's autotuner, see
`untuned`), for as many steps and evaluations of the same batches, with keras-tuner's checkpoint of
the best epoch. GridSearch does less in one respect: its learning rate is constant, and that of the
recipe is a cosine. The two alternate. The time of a trial is from its start to its end; the first
trials of each search are not counted.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from machine import machine, save  # noqa: E402

from kerascnn.cli.startup import start_keras  # noqa: E402

RATES = (3e-4, 1e-3, 3e-3, 1e-2)
WARM = 1
"""Trials of each search that are not counted: the first trial compiles shared functions."""
PRICED = ("lenet5", "convnet", "resnet20_cifar", "resnet50", "mobilenet_v2", "efficientnet_b0",
          "densenet121", "nasnet_large")  # fmt: skip


def ours(name: str, data: Any, epochs: int, directory: Path) -> list[float]:
    """Returns the seconds of each trial of `search`."""
    from kerascnn.tuning import SearchSpace, search

    space = SearchSpace(name, learning_rate=RATES)
    begun = time.perf_counter()
    result = search(
        space, data, tuner="grid", trials=len(RATES), epochs=epochs, directory=directory,
        stop_poor=False, verbose=False,
    )  # fmt: skip
    assert result is not None
    assert len(result.completed) == len(RATES)
    print(f"  search {time.perf_counter() - begun:.1f} s with its report")
    return [trial.seconds for trial in result.trials][WARM:]


def bare(name: str, data: Any, epochs: int, directory: Path) -> list[float]:
    """Returns the seconds of each trial of keras_tuner.GridSearch."""
    import keras
    import keras_tuner
    import tensorflow as tf

    from kerascnn.create import create_model
    from kerascnn.models.input_size import input_shape_for
    from kerascnn.models.registry import model_info
    from kerascnn.models.signature import preprocessing_for
    from kerascnn.recipes.table import RECIPES
    from kerascnn.training.input import standardized, training_pipelines
    from kerascnn.training.training_setup import TrainingSetup
    from kerascnn.tuning.trial_runner import untuned
    from kerascnn.tuning.validation_split import hold_out

    held = hold_out(data, 0)
    recipe = RECIPES["default"]
    shape = input_shape_for(model_info(name), data.image_shape)
    classes = len(data.class_names)

    def build(hp: Any) -> Any:
        model = create_model(name, input_shape=shape, classes=classes)
        model.compile(
            optimizer=keras.optimizers.AdamW(
                hp.Choice("learning_rate", list(RATES)), weight_decay=recipe.weight_decay
            ),
            loss="sparse_categorical_crossentropy",
            metrics=["accuracy"],
        )
        return model

    seconds: list[float] = []

    class Timed(keras_tuner.GridSearch):
        def run_trial(self, trial: Any, *arguments: Any, **keywords: Any) -> Any:
            begun = time.perf_counter()
            result = super().run_trial(trial, *arguments, **keywords)
            seconds.append(time.perf_counter() - begun)
            return result

    tuner = Timed(build, objective="val_accuracy", directory=str(directory), overwrite=True)
    preprocessing = preprocessing_for(create_model(name, input_shape=shape), data.image_shape)
    training, validation = training_pipelines(
        held,
        standardized(preprocessing, held.train),
        TrainingSetup(recipe, "float32", tf.distribute.get_strategy()),
    )
    tuner.search(
        untuned(training),
        validation_data=untuned(validation),
        epochs=epochs,
        steps_per_epoch=len(held.train) // recipe.batch_size,
        shuffle=False,
        verbose=0,
    )
    return seconds[WARM:]


def pricing() -> dict[str, dict[str, float]]:
    """Returns the milliseconds to price a new network, and a network priced before."""
    from kerascnn.tuning.candidates import Candidates

    milliseconds = {}
    for name in PRICED:
        widths = [0.3 + 0.01 * step for step in range(60)]
        space = Candidates(name, None, None, None, (), {"width": widths})
        times = []
        for width in widths:
            begun = time.perf_counter()
            space.price({"width": width})
            times.append(1e3 * (time.perf_counter() - begun))
        begun = time.perf_counter()
        for width in widths:
            space.price({"width": width})
        known = 1e3 * (time.perf_counter() - begun) / len(widths)
        milliseconds[name] = {"new": statistics.median(times), "known": known}
    return milliseconds


def filtering() -> dict[str, float]:
    """Returns seconds to draw and filter 10,000 candidates, and the number that fit."""
    from kerascnn.tuning.axes import Range, draw
    from kerascnn.tuning.budget import Budget
    from kerascnn.tuning.candidates import Candidates

    axes = {
        "depth": (0.5, 1.0, 1.5, 2.0), "width": Range(0.25, 2.0, 0.05), "kernel_size": (3, 5),
        "learning_rate": Range(1e-4, 1e-1, log=True), "batch_size": (32, 64, 128),
    }  # fmt: skip
    space = Candidates("resnet20_cifar", None, None, Budget(params=2e5, macs=3e7), (), axes)
    source = random.Random(0)
    begun = time.perf_counter()
    fitting = sum(space.fits(draw(space.axes, source)) for _ in range(10_000))
    return {"seconds": time.perf_counter() - begun, "fitting": fitting}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--name", default="lenet5")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    prices, filtered = pricing(), filtering()  # before TensorFlow, which they do without
    start_keras()
    import kerascnn

    data = kerascnn.load_data("digits")
    seconds: dict[str, list[float]] = {"search": [], "bare": []}
    with tempfile.TemporaryDirectory() as root:
        for turn in range(arguments.rounds):
            call = (arguments.name, data, arguments.epochs)
            order = [("search", ours), ("bare", bare)]
            for which, run in order if turn % 2 == 0 else order[::-1]:
                seconds[which] += run(*call, Path(root) / f"{which}{turn}")
                print(which, [round(value, 2) for value in seconds[which]], flush=True)
    medians = {which: statistics.median(values) for which, values in seconds.items()}
    overhead = medians["search"] / medians["bare"] - 1
    result = {
        "machine": machine(), "model": arguments.name, "epochs": arguments.epochs,
        "seconds": seconds, "overhead": overhead, "pricing_ms": prices, "filtering": filtered,
    }  # fmt: skip
    ranges = {which: f"{min(values):.2f} to {max(values):.2f}" for which, values in seconds.items()}
    lines = [
        "# Searches",
        "",
        f"A trial of `{arguments.name}` on the digits, {arguments.epochs} epochs, median of "
        f"{len(seconds['bare'])} in turns: {medians['search']:.2f} s in `search` "
        f"({ranges['search']}), {medians['bare']:.2f} s in a bare keras-tuner loop "
        f"({ranges['bare']}): **{overhead:+.1%}**, "
        f"{medians['search'] - medians['bare']:+.2f} s a trial.",
        "",
        f"10,000 candidates of `resnet20_cifar` drawn and filtered in {filtered['seconds']:.2f} s "
        f"({filtered['fitting']:,} fit).",
        "",
        "| pricing | a new network | one seen before |",
        "|---|---|---|",
        *(
            f"| `{name}` | {cost['new']:.2f} ms | {1e3 * cost['known']:.1f} µs |"
            for name, cost in prices.items()
        ),
    ]
    table = "\n".join(lines)
    print(table)
    save("tuning", result, table)


if __name__ == "__main__":
    main()
