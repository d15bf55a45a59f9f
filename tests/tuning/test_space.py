"""A space of networks as a HyperModel, in anybody's script and with keras-tuner's own tuners."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras_tuner
import numpy as np
import pytest

from kerascnn.tuning import Budget, Range, SearchSpace
from support.search_spaces import small_convnets


def test_build_follows_the_hyperparameters() -> None:
    space = SearchSpace(
        "lenet5", depth=(1, 2), width=(1, 2), learning_rate=Range(1e-3, 1e-2, log=True)
    )
    chosen = keras_tuner.HyperParameters()
    chosen.values = {"depth": 1, "width": 1, "learning_rate": 0.004}
    model = space.build(chosen)
    assert model.count_params() == 61_706
    assert float(model.optimizer.learning_rate) == pytest.approx(0.004)


def test_axes_are_plain_hyperparameters() -> None:
    chosen = keras_tuner.HyperParameters()
    SearchSpace(
        ["lenet5", "convnet"], width=(0.5, 2.0), n=(1, 2), dropout=Range(0.0, 0.5),
        optimizer=("adam", "sgd"), momentum=Range(0.5, 0.9), batch_size=Range(16, 64, 16),
    ).declare_hyperparameters(chosen)  # fmt: skip
    kinds = {axis.name: type(axis).__name__ for axis in chosen.space}
    assert kinds == {
        "model": "Choice", "optimizer": "Choice", "width": "Choice", "n": "Choice",
        "dropout": "Float", "momentum": "Float", "batch_size": "Int",
    }  # fmt: skip
    conditions = {axis.name: axis.conditions for axis in chosen.space if axis.conditions}
    assert {name: (first.name, first.values) for name, (first, *_) in conditions.items()} == {
        "n": ("model", ["convnet"]),
        "momentum": ("optimizer", ["sgd"]),
    }


def test_a_linear_head_replaces_the_papers() -> None:
    space = SearchSpace(
        "resnet20_cifar", head=("paper", "linear"), pooling=("avg", "max"), classes=7
    )
    chosen = keras_tuner.HyperParameters()
    chosen.values = {"head": "linear", "pooling": "max"}
    model = space.build(chosen)
    assert [type(layer).__name__ for layer in model.layers[-2:]] == ["GlobalMaxPooling2D", "Dense"]
    assert model.output_shape == (None, 7)
    assert model.trainable_weights[-1].shape == (7,)
    trainable = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    assert space.price(chosen.values).params == trainable


def test_the_budget_holds_in_anyones_script() -> None:
    space = small_convnets(filters=(8, 64))
    space.budget = Budget(params=50_000)
    chosen = keras_tuner.HyperParameters()
    chosen.values = {"filters": 64}
    with pytest.raises(keras_tuner.errors.FailedTrialError, match="beyond the budget"):
        space.build(chosen)


@pytest.mark.filterwarnings("ignore:Skipping variable loading for optimizer")
def test_any_stock_tuner_takes_the_space(tmp_path: Path) -> None:
    images = np.random.default_rng(0).random((48, 16, 16, 1), "float32")
    labels = np.arange(48) % 4
    space = SearchSpace(
        "convnet", input_shape=(16, 16, 1), classes=4, n=(1,), m=(1, 2), filters=(4, 8),
        batch_size=(16, 24), augmentation=("shift",), budget=Budget(params=20_000), k=(0,),
    )  # fmt: skip
    tuner = keras_tuner.BayesianOptimization(
        space, objective="val_accuracy", max_trials=2, directory=tmp_path, seed=1
    )
    tuner.search(images, labels, validation_data=(images, labels), epochs=1, verbose=0)
    statuses = [trial.status for trial in tuner.oracle.trials.values()]
    assert statuses == ["COMPLETED"] * 2
    assert tuner.get_best_models(1)[0].output_shape == (None, 4)


def test_nan_fails_the_trial_of_a_stock_tuner() -> None:
    class Model:
        @staticmethod
        def fit() -> Any:
            history = {"loss": [1.0, float("nan")]}
            return type("History", (), {"history": history})

    with pytest.raises(keras_tuner.errors.FailedTrialError, match="NaN"):
        small_convnets(n=(1,)).fit(keras_tuner.HyperParameters(), Model())
