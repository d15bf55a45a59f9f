"""The search space and the search, with stock keras-tuner tuners on the real digits."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import keras_tuner
import numpy as np
import pytest

import kerascnn
from kerascnn.data.records import held_out
from kerascnn.errors import KerasCNNError, MismatchError, OutputError, UsageError
from kerascnn.tuning import SearchSpace, search


def conv(kernel: int, inputs: int, outputs: int) -> int:
    return kernel * kernel * inputs * outputs + outputs


def by_hand(depth: int = 1, width: int = 1, kernel: int = 5) -> int:
    """LeNet-5's parameters from its figure, scaled."""
    c1, c3, c5, f6 = 6 * width, 16 * width, 120 * width, 84 * width
    extra = (depth - 1) * (conv(kernel, c1, c1) + conv(kernel, c3, c3))
    fixed = conv(5, c3, c5) + conv(1, c5, f6) + conv(1, f6, 10)
    return conv(kernel, 1, c1) + conv(kernel, c1, c3) + extra + fixed


@pytest.mark.parametrize(
    ("values", "params"),
    [
        ({"depth": 1.0, "width": 1.0, "kernel_size": 5}, 61_706),
        ({"depth": 2.0, "width": 1.0, "kernel_size": 5}, by_hand(depth=2)),
        ({"depth": 1.0, "width": 2.0, "kernel_size": 5}, by_hand(width=2)),
        ({"depth": 1.0, "width": 1.0, "kernel_size": 3}, by_hand(kernel=3)),
        ({"depth": 2.0, "width": 2.0, "kernel_size": 3}, by_hand(depth=2, width=2, kernel=3)),
    ],
)
def test_build_follows_the_hyperparameters(values: dict[str, float], params: int) -> None:
    space = SearchSpace("lenet5", depth=(1, 2), width=(1, 2), kernel_size=(3, 5))
    chosen = keras_tuner.HyperParameters()
    chosen.values = {**values, "learning_rate": 0.004}
    model = space.build(chosen)
    assert model.count_params() == params
    assert float(model.optimizer.learning_rate) == pytest.approx(0.004)


def test_axes_are_plain_hyperparameters() -> None:
    chosen = keras_tuner.HyperParameters()
    SearchSpace(
        "lenet5", depth=(1,), width=(0.5, 2), kernel_size=(3, 7), learning_rate=(1e-3, 1e-2)
    ).build(chosen)
    values = {one.name: one.values for one in chosen.space if one.name != "learning_rate"}
    assert values == {"depth": [1.0], "width": [0.5, 2.0], "kernel_size": [3, 7]}
    (rate,) = (one for one in chosen.space if one.name == "learning_rate")
    assert (rate.min_value, rate.max_value, rate.sampling) == (1e-3, 1e-2, "log")


def test_paper_kernel_and_one_learning_rate_are_no_axes() -> None:
    chosen = keras_tuner.HyperParameters()
    SearchSpace("lenet5", learning_rate=(1e-3, 1e-3)).build(chosen)
    assert [one.name for one in chosen.space] == ["depth", "width"]


@pytest.mark.parametrize(
    ("name", "axes", "message"),
    [
        ("lenet6", {}, "the nearest are: lenet5"),
        ("lenet5", {"width": ()}, "width is empty"),
        ("lenet5", {"kernel_size": (3, 4)}, "kernel_size must be odd"),
        ("lenet5", {"depth": (0,)}, "depth must be a number above 0"),
        ("lenet5", {"learning_rate": (0, 1)}, "learning_rate"),
        ("lenet5_1998", {"width": (2,)}, "must be left alone"),
    ],
)
def test_what_the_architecture_does_not_take_is_refused_at_once(
    name: str, axes: dict[str, tuple[float, ...]], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        SearchSpace(name, **axes)


def test_values_that_do_not_go_together_fail_their_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str, **arguments: object) -> None:
        raise MismatchError("these do not go together")

    space = SearchSpace("lenet5")
    monkeypatch.setattr("kerascnn.tuning.space.create_model", refuse)
    with pytest.raises(keras_tuner.errors.FailedTrialError, match="do not go together"):
        space.build(keras_tuner.HyperParameters())


def test_nan_fails_the_trial() -> None:
    history = SimpleNamespace(history={"loss": [1.0, float("nan")], "val_accuracy": [0.99, 0.1]})
    model = SimpleNamespace(fit=lambda: history)
    with pytest.raises(keras_tuner.errors.FailedTrialError, match="NaN"):
        SearchSpace("lenet5").fit(keras_tuner.HyperParameters(), model)


@pytest.mark.filterwarnings("ignore:Skipping variable loading for optimizer")
def test_any_stock_tuner_takes_the_space(tmp_path: Path) -> None:
    images = np.random.default_rng(0).random((16, 36, 36, 1), "float32")
    labels = np.arange(16) % 4
    space = SearchSpace("lenet5", input_shape=(36, 36, 1), classes=4, depth=(1,), width=(0.5,))
    tuner = keras_tuner.BayesianOptimization(
        space, objective="val_accuracy", max_trials=1, directory=tmp_path
    )
    tuner.search(images, labels, validation_data=(images, labels), epochs=1, verbose=0)
    assert tuner.get_best_models(1)[0].output_shape == (None, 4)


def test_search_scores_are_true(tmp_path: Path) -> None:
    result = search(
        SearchSpace("lenet5", depth=(1,), width=(0.5, 1), learning_rate=(3e-3, 1e-2)),
        "digits",
        trials=2,
        epochs=2,
        directory=tmp_path / "search",
        verbose=False,
    )
    assert len(result.trials) == 2
    assert result.best.score == max(trial.score or 0 for trial in result.trials)
    assert {trial.hyperparameters["width"] for trial in result.trials} <= {0.5, 1.0}
    # The best model, asked again about the images that scored it.
    data = kerascnn.load_data("digits", seed=0)
    kept, scored, _ = held_out(data.train.labels, 0.2, 0)
    assert not set(kept) & set(scored)
    assert len(kept) + len(scored) == len(data.train)
    model = result.best_model()
    preprocessing = kerascnn.Preprocessing.for_data(
        data.image_shape, (32, 32, 1), kerascnn.model_info("lenet5").preprocessing
    )
    images = np.stack([preprocessing(image) for image in data.train.images[scored]])
    answers = model.predict(images, verbose=0).argmax(axis=1)
    accuracy = (answers == data.train.labels[scored]).mean()
    assert accuracy == pytest.approx(result.best.score, abs=1e-6)


def test_search_without_a_completed_trial_raises(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # keras-tuner imports tensorboard undeclared, swallows the failure and offers "best" values.
    for name in [name for name in sys.modules if name.split(".")[0] == "tensorboard"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(KerasCNNError, match=r"none of 2 trials completed.*tensorboard"):
        search("lenet5", "digits", trials=2, epochs=1, directory=tmp_path / "x", verbose=False)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"tuner": "evolution"}, UsageError, "random, bayesian, hyperband, grid"),
        ({"trials": 0}, UsageError, "trials=0"),
        ({"epochs": 1.5}, UsageError, "epochs=1.5"),
        ({"space": SearchSpace("lenet5", classes=7)}, MismatchError, "7 classes.* has 10"),
        ({"directory": Path(__file__).parent}, OutputError, "not empty"),
    ],
)
def test_search_refuses(
    arguments: dict[str, object], error: type[Exception], message: str, tmp_path: Path
) -> None:
    call = {"space": "lenet5", "data": "digits", "directory": tmp_path / "x"} | arguments
    with pytest.raises(error, match=message):
        search(**call)
    assert not (tmp_path / "x").exists()


def test_names_are_found_lazily() -> None:
    import kerascnn.tuning

    assert kerascnn.tuning.SearchSpace is SearchSpace
    assert issubclass(SearchSpace, keras_tuner.HyperModel)
    assert {"SearchSpace", "search"} <= set(dir(kerascnn.tuning))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = kerascnn.tuning.nothing
