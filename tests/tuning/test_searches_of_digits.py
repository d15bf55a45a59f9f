"""Real searches of the real digits, and a step of training for candidates of every family."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kerascnn.errors import MismatchError
from kerascnn.models.registry import list_models, model_info
from kerascnn.tuning import Budget, Range, SearchSpace, search
from support.plans import entries_of

TRIALS = 12


def beats_its_default(row: str, axes: dict[str, Any], epochs: int, directory: Path) -> None:
    """Searches within the row's own cost and compares with the row itself, trained alike."""
    variant = model_info(row)
    budget = Budget(params=variant.params, macs=variant.macs)
    call: dict[str, Any] = {"budget": budget, "epochs": epochs, "verbose": False}
    begun = time.perf_counter()
    result = search(
        SearchSpace(row, **axes), "digits", trials=TRIALS, directory=directory / "search", **call
    )
    seconds = time.perf_counter() - begun
    assert result is not None
    assert len(result.completed) == TRIALS
    own = search(
        SearchSpace(row, depth=(1.0,)), "digits", trials=1, directory=directory / "own", **call
    )
    assert own is not None
    print(f"{row}: best {result.best.score:.2%}, itself {own.best.score:.2%}, {seconds:.0f} s")
    assert own.best.params <= variant.params
    assert max(trial.params for trial in result.trials) <= variant.params
    assert max(trial.macs or 0 for trial in result.trials) <= variant.macs
    assert result.best.score > own.best.score  # type: ignore[operator]
    assert seconds < 300


def test_convnet_on_the_digits(tmp_path: Path) -> None:
    axes = {
        "n": (1, 2), "m": (2, 3), "k": (0, 1), "filters": (8, 16), "filter_size": (3, 5),
        "batch_norm": (True, False), "batch_size": (32, 64),
        "learning_rate": Range(1e-3, 1e-2, log=True),
    }  # fmt: skip
    beats_its_default("convnet", axes, 3, tmp_path)


def test_resnet20_on_the_digits(tmp_path: Path) -> None:
    axes = {
        "depth": (1.0, 0.34, 0.67), "width": Range(0.5, 1.0), "kernel_size": (3, 5),
        "batch_size": (32, 64), "learning_rate": Range(1e-3, 1e-2, log=True),
    }  # fmt: skip
    beats_its_default("resnet20_cifar", axes, 3, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_precision_and_strategy_hold_inside_a_trial(precision: str, tmp_path: Path) -> None:
    import keras

    space = SearchSpace("convnet", n=(1,), m=(2,), filters=(8, 16), head=("linear", "paper"))
    result = search(
        space, "digits", trials=2, epochs=2, directory=tmp_path / "x", precision=precision,
        strategy="mirrored", recipe="default", latency="onnx", verbose=False,
    )  # fmt: skip
    assert result is not None
    assert [trial.precision for trial in result.completed] == [precision] * 2
    assert all(0 < (trial.latency or 0) < 1 for trial in result.completed)
    assert [trial.trial for trial in result.pareto("latency")]
    assert keras.config.dtype_policy().name == "float32"
    run = result.retrain("digits", epochs=1, verbose=False)
    assert run.config["precision"] == precision
    assert run.config["data"]["train"] == 1198


@pytest.mark.long
@pytest.mark.parametrize("family", sorted({model_info(name).family for name in list_models()}))
def test_candidates_of_every_family_train(family: str) -> None:
    import keras

    # The shortest one: a network of a thousand layers takes minutes to build five times.
    rows = [name for name in list_models(family=family) if name != "lenet5_1998"]
    row = min(rows, key=lambda name: len(entries_of(name)))
    variant = model_info(row)
    axes: dict[str, Any] = {
        "depth": Range(0.3, 1.2), "width": Range(0.1, 0.4), "kernel_size": (3, 5),
    }  # fmt: skip
    space = SearchSpace(row, **axes)  # AlphaGo's board has one size and its points are the classes
    if family != "alphago":
        axes["dropout"] = Range(0.0, 0.5)
        for side in (32, 64, 96, 128, 192, 224):
            shape = (side, side, variant.input_shape[2])
            try:
                space = SearchSpace(row, input_shape=shape, classes=4, **axes)
            except MismatchError:
                continue
            if space.coverage().share > 0.9:
                break
    shape = space.input_shape or variant.input_shape
    images = np.random.default_rng(0).random((2, *shape), np.float32)
    seen = {axis.name: set() for axis in space.axes}
    for values in space.sample(5, seed=1):
        keras.utils.clear_session()
        keras.utils.set_random_seed(1)
        for name, value in values.items():
            seen[name].add(value)
        model = space.network_of(values)
        trainable = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
        assert trainable == space.price(values).params
        labels = np.zeros((2, *model.output_shape[1:-1]), np.int32)
        model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
        before = [weight.numpy().copy() for weight in model.trainable_weights]
        assert np.isfinite(model.train_on_batch(images, labels))
        after = [weight.numpy() for weight in model.trainable_weights]
        assert all(np.isfinite(weight).all() for weight in after)
        assert any((old != new).any() for old, new in zip(before, after, strict=True))
    assert all(len(values) > 1 for values in seen.values())
