"""Run directories: reading them, choosing them, and what is wrong with them."""

from __future__ import annotations

import math
import os

import keras
import numpy as np
import pytest

import kerascnn
from kerascnn.errors import DamagedFileError, OutputError, UsageError
from kerascnn.reports.curves import draw_curves
from kerascnn.runs.run import (
    as_run,
    choose_directory,
    kept_files,
    load_run,
    score,
    start_directory,
)
from support.run_directories import COLUMNS, CONFIG, write_run


@pytest.fixture
def model():
    image = keras.Input((4, 4, 1), name="image")
    features = keras.layers.Flatten(name="features")(image)
    predictions = keras.layers.Dense(2, activation="softmax", name="predictions")(features)
    return keras.Model(image, predictions, name="small")


def test_history_and_best_epoch(tmp_path):
    rows = [[1, 0.9, 0.5, 0.8, 0.6], [2, 0.5, 0.7, 0.6, 0.75], [3, 0.4, 0.8, 0.5, 0.75]]
    run = write_run(tmp_path / "r", [*rows, [4, 0.3, 0.9, 0.7, 0.7]])
    assert run.history["epoch"] == [1, 2, 3, 4]
    assert run.history["val_loss"] == [0.8, 0.6, 0.5, 0.7]
    # Epochs 2 and 3 are equally accurate; 3 has the lower loss.
    assert run.best == {
        "epoch": 3,
        "metrics": {"loss": 0.4, "accuracy": 0.8, "val_loss": 0.5, "val_accuracy": 0.75},
    }


def test_nan_is_never_best(tmp_path):
    rows = [[1, 0.9, 0.5, math.nan, 1.0], [2, 0.5, 0.7, 0.6, 0.2], [3, 0.5, 0.7, 0.1, math.nan]]
    assert write_run(tmp_path / "r", rows).best["epoch"] == 2
    assert score({"val_accuracy": math.nan, "val_loss": 0.1}) == score({})
    assert score({"val_accuracy": 1.0, "val_loss": math.inf}) < score(
        {"val_accuracy": 0.0, "val_loss": 9.0}
    )


def test_a_run_before_its_first_epoch(tmp_path):
    run = write_run(tmp_path / "r", [])
    assert run.best == {}
    assert run.history == {name: [] for name in COLUMNS}
    (run.path / "history.csv").unlink()
    assert run.history == {}
    assert draw_curves(run) is None
    with pytest.raises(UsageError, match=r"has no best\.keras; it has no saved model"):
        run.load()


def test_names_and_preprocessing_come_from_the_configuration(tmp_path):
    run = write_run(tmp_path / "r", [])
    assert run.class_names == ("cat", "dog")
    # (255 / 255 - 0.5) / 0.25 = 2 and (0 - 0.5) / 0.25 = -2.
    white, black = np.full((4, 4, 1), 255, np.uint8), np.zeros((4, 4, 1), np.uint8)
    np.testing.assert_allclose(run.preprocessing(white), 2.0, rtol=1e-6)
    np.testing.assert_allclose(run.preprocessing(black), -2.0, rtol=1e-6)


def test_what_is_no_run_is_told(tmp_path):
    with pytest.raises(UsageError, match="there is no run directory"):
        load_run(tmp_path / "nothing")
    with pytest.raises(UsageError, match=r"is not a run directory: it has no config\.json"):
        load_run(tmp_path)
    (tmp_path / "config.json").write_text("{broken")
    with pytest.raises(DamagedFileError, match=r"config\.json is not JSON"):
        load_run(tmp_path)
    (tmp_path / "config.json").write_text('{"model": 1}')
    with pytest.raises(UsageError, match="is no run directory"):  # of another program
        load_run(tmp_path)
    run = write_run(tmp_path, [["one", 2, 3, 4, 5]])
    with pytest.raises(DamagedFileError, match="is not a table of numbers"):
        _ = run.history
    with pytest.raises(DamagedFileError, match="is not a table of numbers"):
        _ = write_run(tmp_path, [[1, 2]]).history
    with pytest.raises(UsageError, match="which='first'"):
        run.load("first")


def test_only_runs_and_paths_stand_for_runs(tmp_path, model):
    run = write_run(tmp_path, [])
    assert as_run(run) is run
    assert as_run(str(tmp_path)) == run == kerascnn.load_run(tmp_path)
    assert as_run(model) is None


def test_a_saved_model_comes_back_with_its_outputs(tmp_path, model):
    run = write_run(tmp_path, [])
    model.save(run.path / "last.keras")
    x = np.random.default_rng(0).normal(size=(3, 4, 4, 1)).astype("float32")
    np.testing.assert_array_equal(np.asarray(run.load("last")(x)), np.asarray(model(x)))
    with pytest.raises(UsageError, match=r"it has last\.keras"):
        run.load("best")


def test_choosing_a_directory_makes_nothing(tmp_path, monkeypatch):
    wanted_path = tmp_path / "a" / "b"
    assert choose_directory(wanted_path, "small", overwrite=False) == wanted_path
    assert not (tmp_path / "a").exists()
    monkeypatch.chdir(tmp_path)
    first = choose_directory(None, "small", overwrite=False)
    assert first.parent.name == "runs"
    assert first.name.startswith("small-20")
    assert list(tmp_path.iterdir()) == []


def test_a_taken_name_made_from_the_time_gets_a_number(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = set()
    for _ in range(3):
        directory = choose_directory(None, "small", overwrite=False)
        directory.mkdir(parents=True)
        names.add(directory.name)
    assert len(names) == 3


def test_occupied_and_unwritable_places_are_refused(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match="is not empty"):
        choose_directory(tmp_path, "small", overwrite=False)
    with pytest.raises(OutputError, match="is a file"):
        choose_directory(tmp_path / "file", "small", overwrite=True)
    with pytest.raises(OutputError, match="cannot write the run directory"):
        choose_directory(tmp_path / "file" / "below", "small", overwrite=True)
    assert choose_directory(tmp_path, "small", overwrite=True) == tmp_path
    if os.path.isdir("/proc"):  # refuses new files even to root
        with pytest.raises(OutputError, match="cannot write the run directory"):
            choose_directory("/proc/run", "small", overwrite=False)


def test_starting_clears_an_old_run_and_nothing_else(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "tensorboard").mkdir()
    for name in ("history.csv", "best.keras", "last.keras", "curves.png", "tensorboard/events"):
        (tmp_path / name).write_text("old")
    assert "best.keras" in kept_files(tmp_path)
    start_directory(tmp_path, CONFIG)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "notes.txt"]
    assert kept_files(tmp_path) == "no model was saved yet"
