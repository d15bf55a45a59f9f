"""The search on the real digits: stock keras-tuner tuners, our own, failures, results."""

from __future__ import annotations

import csv
import json
import sys
import weakref
from pathlib import Path
from typing import Any

import keras_tuner
import numpy as np
import pytest
import tensorflow as tf

import kerascnn
from kerascnn.data.sources.dataset import held_out
from kerascnn.errors import KerasCNNError, MismatchError, OutputError, UsageError
from kerascnn.tuning import Budget, Range, SearchResult, SearchSpace, search
from kerascnn.tuning.trial_runner import _reason
from support.browser import look_at

AXES: dict[str, Any] = {
    "n": (1, 2), "m": (2, 3), "k": (0, 1), "filters": (8, 16), "filter_size": (3, 5),
    "learning_rate": Range(1e-3, 1e-2, log=True),
}  # fmt: skip


def convnet(**axes: Any) -> SearchSpace:
    return SearchSpace("convnet", **(axes or AXES))


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> SearchResult:
    """One search of three trials, of which the second one fails."""
    directory = tmp_path_factory.mktemp("search") / "search"
    build = SearchSpace.network_of

    def sometimes(space: SearchSpace, values: dict[str, Any]) -> Any:
        if len(list(directory.glob("trials/trial_*/outcome.json"))) == 1:
            raise MemoryError("no room for the weights")
        return build(space, values)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SearchSpace, "network_of", sometimes)
        result = search(
            convnet(), "digits", budget=Budget(params=30_000), trials=3, epochs=2,
            directory=directory, verbose=False,
        )  # fmt: skip
    assert result is not None
    return result


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
    space = convnet(filters=(8, 64))
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
        convnet(n=(1,)).fit(keras_tuner.HyperParameters(), Model())


def test_scores_are_true(searched: SearchResult) -> None:
    # The best model, asked again about the images that scored it.
    data = kerascnn.load_data("digits", seed=0)
    kept, scored, _ = held_out(data.train.labels, 0.2, 0)
    assert not set(kept) & set(scored)
    model = searched.best_model()
    held = (data.train.images[scored], data.train.labels[scored])
    metrics = kerascnn.evaluate(model, (held, held))
    assert metrics["accuracy"] == pytest.approx(searched.best.score, abs=1e-6)
    assert metrics["loss"] == pytest.approx(searched.best.metrics["val_loss"], abs=1e-4)


def test_every_candidate_keeps_the_budget(searched: SearchResult) -> None:
    assert len(searched.trials) == 3
    for trial in searched.trials:
        assert searched.space.price(trial.values).params <= 30_000
    assert searched.best.params == searched.best_model().count_params()


def test_a_failure_is_told_and_never_the_best(searched: SearchResult) -> None:
    failed = [trial for trial in searched.trials if trial.score is None]
    assert [trial.reason for trial in failed] == ["out of memory: no room for the weights"]
    assert searched.best.score == max(trial.score for trial in searched.completed)
    assert searched.best.trial != failed[0].trial


def test_a_device_without_memory_is_told_as_such() -> None:
    error = tf.errors.ResourceExhaustedError(None, None, "OOM when allocating\nshape[64,112,112]")
    assert _reason(error) == "out of memory: OOM when allocating"


def test_trials_have_seeds_of_their_own(searched: SearchResult) -> None:
    assert len({trial.seed for trial in searched.trials}) == 3
    assert [searched.settings.trial_seed(trial.trial) for trial in searched.trials] == [
        trial.seed for trial in searched.trials
    ]


def test_the_files_of_a_search(searched: SearchResult) -> None:
    with (searched.directory / "results.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["status"] for row in rows].count("COMPLETED") == 2
    best = json.loads((searched.directory / "best.json").read_text("utf-8"))
    assert best["val_accuracy"] == searched.best.score
    rebuilt = kerascnn.create_model(best["model"]["name"], **best["model"]["arguments"])
    rebuilt.load_weights(searched.directory / best["weights"])
    assert rebuilt.count_params() == searched.best.params
    page = (searched.directory / "report.html").read_text("utf-8")
    assert page.count("data:image/png;base64,") >= 4
    assert "out of memory" in page
    assert "http" not in page.replace("http-equiv", "").split("<main>")[1]
    names = {path.name for path in (searched.directory / "tensorboard").rglob("events*")}
    assert len(names) == 3  # the experiment and two completed trials
    assert (searched.directory / "accuracy_params.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.long
@pytest.mark.parametrize("width", [1280, 400])
def test_a_browser_shows_the_report(searched: SearchResult, tmp_path: Path, width: int) -> None:
    seen = look_at(searched.directory / "report.html", tmp_path, width=width, column=3)
    assert seen.inner == width
    assert seen.pictures == 4  # against parameters and multiply-accumulates; axes; curves
    assert seen.broken == 0
    assert seen.wide <= 0
    assert seen.rows == len(searched.completed)
    assert seen.sorted
    assert not seen.console
    assert "<button" in seen.html


def test_the_same_search_goes_on_and_another_is_refused(
    searched: SearchResult, tmp_path: Path
) -> None:
    import shutil

    directory = tmp_path / "copy"
    shutil.copytree(searched.directory, directory)
    before = {path: path.read_bytes() for path in directory.glob("trials/trial_*/outcome.json")}
    call: dict[str, Any] = {
        "budget": Budget(params=30_000), "epochs": 2, "directory": directory, "verbose": False,
    }  # fmt: skip
    more = search(convnet(), "digits", trials=4, **call)
    assert more is not None
    assert len(more.trials) == 4
    assert {path: path.read_bytes() for path in before} == before
    with pytest.raises(OutputError, match="another search: its tuner is random"):
        search(convnet(), "digits", trials=4, tuner="grid", **call)
    with pytest.raises(OutputError, match="another search: its epochs is 2"):
        search(convnet(), "digits", trials=4, **{**call, "epochs": 3})


def test_search_without_a_completed_trial_raises(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(space: SearchSpace, values: Any) -> Any:
        raise RuntimeError("broken on purpose\nwith a second line")

    monkeypatch.setattr(SearchSpace, "network_of", broken)
    with pytest.raises(
        KerasCNNError, match=r"none of 2 trials completed; the first: RuntimeError: broken on p"
    ):
        search("lenet5", "digits", trials=2, epochs=1, directory=tmp_path / "x", verbose=False)


def test_a_trials_network_is_gone_before_the_next_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build, references, alive = SearchSpace.network_of, [], []

    def watched(space: SearchSpace, values: Any) -> Any:
        alive.append(sum(reference() is not None for reference in references))
        model = build(space, values)
        references.append(weakref.ref(model))
        return model

    monkeypatch.setattr(SearchSpace, "network_of", watched)
    space = convnet(learning_rate=(1e-3, 2e-3), n=(1,), filters=(8,))
    call: dict[str, Any] = {"epochs": 1, "directory": tmp_path / "x", "verbose": False}
    search(space, "digits", tuner="grid", trials=2, **call)
    assert alive == [0, 0]


def test_nan_fails_a_trial(tmp_path: Path) -> None:
    space = convnet(learning_rate=(1e30, 1e-3), n=(1,), filters=(8,))
    result = search(
        space, "digits", tuner="grid", trials=2, epochs=1, directory=tmp_path / "x", verbose=False
    )
    assert result is not None
    by_rate = {trial.values["learning_rate"]: trial for trial in result.trials}
    assert by_rate[1e30].score is None
    assert "loss became" in by_rate[1e30].reason
    assert result.best is by_rate[1e-3]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"tuner": "evolution"}, UsageError, "random, bayesian, hyperband, grid"),
        ({"trials": 0}, UsageError, "trials=0"),
        ({"epochs": 1.5}, UsageError, "epochs=1.5"),
        ({"latency": "tpu"}, UsageError, "keras, onnx"),
        ({"worker": "1"}, UsageError, "chief"),
        ({"strategy": "multiworker"}, UsageError, "trials of its own"),
        ({"space": SearchSpace("lenet5", classes=7)}, MismatchError, "7 classes.* has 10"),
        ({"directory": Path(__file__).parent}, OutputError, "not empty"),
        ({"budget": Budget(params=10)}, UsageError, "no network of the space keeps"),
    ],
)
def test_search_refuses(
    arguments: dict[str, object], error: type[Exception], message: str, tmp_path: Path
) -> None:
    call: dict[str, Any] = {"space": "lenet5", "data": "digits", "directory": tmp_path / "x"}
    call |= arguments
    with pytest.raises(error, match=message):
        search(**call)
    assert not (tmp_path / "x").exists()


def test_names_are_found_lazily() -> None:
    import kerascnn.tuning

    assert kerascnn.tuning.SearchSpace is SearchSpace
    assert issubclass(SearchSpace, keras_tuner.HyperModel)
    assert {"SearchSpace", "search", "Budget"} <= set(dir(kerascnn.tuning))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = kerascnn.tuning.nothing
    assert sys.modules["kerascnn.tuning.space"].SearchSpace is SearchSpace


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No search of these is one of several."""
    for part in ("ORACLE_IP", "ORACLE_PORT", "TUNER_ID"):
        monkeypatch.delenv(f"KERASTUNER_{part}", raising=False)
