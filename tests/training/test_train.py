"""Training: what a run leaves behind, that it repeats, and what it refuses."""

from __future__ import annotations

import csv
import json
import math
import os
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerascnn
from kerascnn.data.sources.dataset import Split
from kerascnn.errors import (
    DataError,
    MismatchError,
    OutputError,
    UsageError,
)
from kerascnn.recipes.fields import Recipe
from kerascnn.training.input import standardized
from kerascnn.training.train import train
from support.trainings import RECIPE, quiet, small


def probabilities(model, run, split):
    """The forward pass in NumPy, but for the convolution."""
    images = run.preprocessing(split.images)
    x = np.asarray(model.layers[1](images)).reshape(len(images), -1)
    kernel, bias = (np.asarray(w) for w in model.get_layer("predictions").weights)
    z = (x @ kernel + bias).astype("float64")
    return np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    return quiet(small(), data, tmp_path_factory.mktemp("runs") / "run", seed=7)


def test_the_run_directory_holds_everything(run):
    assert sorted(path.name for path in run.path.iterdir()) == [
        "best.keras", "config.json", "curves.png", "history.csv", "last.keras", "result.json",
        "tensorboard",
    ]  # fmt: skip
    with (run.path / "history.csv").open() as stream:
        header, *rows = csv.reader(stream)
    assert header == [
        "epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds",
        "images_per_second", "data_wait",
    ]  # fmt: skip
    assert [row[0] for row in rows] == ["1", "2", "3"]


def test_the_configuration_is_resolved(run, data):
    config = run.config
    assert config["model"] == {
        "name": "small", "arguments": None, "parameters": 9 * 4 + 4 + 6 * 6 * 4 * 3 + 3,
        "input_shape": [8, 8, 1], "stem": None,
    }  # fmt: skip
    assert config["data"] == {
        "name": "halves", "fingerprint": "f" * 64, "split": "by hand", "image_shape": [8, 8, 1],
        "class_names": ["none", "top", "left"], "train": 100, "test": 50,
    }  # fmt: skip
    assert config["recipe"] == RECIPE.to_json()
    assert (config["epochs"], config["seed"], config["precision"]) == (3, 7, "float32")
    assert config["strategy"] == {"name": "none", "replicas": 1}
    assert config["keras"] == keras.__version__
    assert config["tensorflow"] == tf.__version__
    assert config["kerascnn"] == kerascnn.__version__
    assert config["threads"]["cores"] == os.cpu_count()
    assert run.preprocessing.size == (8, 8)


def test_pixels_are_standardized_by_the_training_images(run, data):
    pixels = data.train.images / 255
    assert run.preprocessing.mean == pytest.approx([pixels.mean()], abs=1e-5)
    assert run.preprocessing.std == pytest.approx([pixels.std()], abs=1e-5)
    values = run.preprocessing(data.train.images)
    assert values.mean() == pytest.approx(0, abs=1e-4)
    assert values.std() == pytest.approx(1, abs=1e-4)


def test_an_architecture_s_own_values_are_left_alone(data):
    own = kerascnn.Preprocessing(size=(8, 8), channels="grey", scale=1.275 / 255, mean=(0.1,))
    assert standardized(own, data.train) == own


def test_the_history_is_what_the_saved_models_do(run, data):
    history, best = run.history, run.best
    for which, epoch in (("last", 3), ("best", best["epoch"])):
        p = probabilities(run.load(which), run, data.test)
        chosen = p[np.arange(50), data.test.labels]
        correct = sum(int(np.argmax(row) == y) for row, y in zip(p, data.test.labels, strict=True))
        assert history["val_loss"][epoch - 1] == pytest.approx(-np.log(chosen).mean(), abs=1e-6)
        assert history["val_accuracy"][epoch - 1] == pytest.approx(correct / 50, abs=1e-6)
        figures = kerascnn.evaluate(run.load(which), data, preprocessing=run.preprocessing)
        assert figures["loss"] == pytest.approx(history["val_loss"][epoch - 1], abs=1e-6)
    assert best["metrics"]["val_accuracy"] == max(history["val_accuracy"]) > 0.9


def test_the_learning_rate_column_is_the_schedule_at_the_epochs_ends(run):
    total, warm = 18, 1  # 100 // 16 = 6 steps in each of 3 epochs, 5 % of them for the warm-up
    expected = [
        0.02 * 0.5 * (1 + math.cos(math.pi * (step - warm) / (total - warm)))
        for step in (6, 12, 18)
    ]
    np.testing.assert_allclose(run.history["learning_rate"], expected, atol=1e-7)


def test_tensorboard_events_hold_the_history(run):
    for split, prefix in (("train", ""), ("validation", "val_")):
        (path,) = (run.path / "tensorboard" / split).iterdir()
        values = {}
        for raw in tf.data.TFRecordDataset(str(path)):
            for value in tf.compat.v1.Event.FromString(raw.numpy()).summary.value:
                values.setdefault(value.tag, []).append(float(tf.make_ndarray(value.tensor)))
        for name in ("loss", "accuracy"):
            np.testing.assert_allclose(values[name], run.history[prefix + name], rtol=1e-6)


def test_a_seeded_run_repeats_bit_for_bit(data, tmp_path):
    recipe = replace(RECIPE, translate=1, rotate=10.0, zoom=0.1, flip=True)
    runs = [
        quiet(small(dropout=0.3), data, tmp_path / str(i), recipe=recipe, seed=seed)
        for i, seed in enumerate((3, 3, 4))
    ]
    columns = ("loss", "accuracy", "val_loss", "val_accuracy")
    first, again, other = ([run.history[name] for name in columns] for run in runs)
    assert first == again
    assert first != other
    weights = [run.load("last").get_weights() for run in runs[:2]]
    for a, b in zip(*weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_name_is_built_for_the_data_and_repeats(data, tmp_path):
    runs = [
        quiet("LeNet5", data, tmp_path / str(i), epochs=1, batch_size=50, learning_rate=0.01)
        for i in range(2)
    ]
    assert runs[0].history["loss"] == runs[1].history["loss"]
    config = runs[0].config
    assert config["model"]["name"] == "lenet5"
    assert config["recipe"]["batch_size"] == 50
    assert config["recipe"]["learning_rate"] == 0.01
    assert (config["recipe"]["epochs"], config["epochs"]) == (1, 1)
    model = runs[0].load()
    assert model.input_shape == (None, 32, 32, 1)
    assert model.output_shape == (None, 3)
    rebuilt = kerascnn.create_model("lenet5", **config["model"]["arguments"])
    assert rebuilt.count_params() == model.count_params() == config["model"]["parameters"]


def test_logits_train_as_probabilities_do(data, tmp_path):
    runs = [
        quiet(small(activation=activation), data, tmp_path / str(activation), epochs=1)
        for activation in (None, "softmax")
    ]
    np.testing.assert_allclose(runs[0].history["loss"], runs[1].history["loss"], rtol=1e-4)


def test_one_step_of_sgd_is_arithmetic(data, tmp_path):
    """w - rate * gradient of the mean cross-entropy, for a linear model and the whole set."""
    image = keras.Input((8, 8, 1), name="image")
    features = keras.layers.Flatten(name="features")(image)
    dense = keras.layers.Dense(3, activation="softmax", kernel_initializer="zeros")
    model = keras.Model(image, dense(features), name="linear")
    recipe = Recipe(
        "one", optimizer="sgd", learning_rate=0.5, schedule="constant", warmup=0.0, batch_size=100,
        epochs=1,
    )  # fmt: skip
    run = quiet(model, data, tmp_path / "r", recipe=recipe)
    x = run.preprocessing(data.train.images).reshape(100, 64)
    residual = 1 / 3 - np.eye(3)[data.train.labels]
    np.testing.assert_allclose(dense.kernel, -0.5 * x.T @ residual / 100, atol=1e-5)
    np.testing.assert_allclose(dense.bias, -0.5 * residual.mean(axis=0), atol=1e-6)
    assert run.history["loss"] == [pytest.approx(math.log(3), rel=1e-5)]


# ---------------------------------------------------------------------- what is refused


def test_an_occupied_directory_is_refused_before_any_work(run, tmp_path):
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(OutputError, match="is not empty"):
        train("lenet5", "folder:/nowhere", run_dir=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["precious.txt"]
    with pytest.raises(OutputError, match="cannot write"):
        train("lenet5", "folder:/nowhere", run_dir=tmp_path / "precious.txt" / "run")


def test_overwrite_replaces_the_run_and_nothing_else(data, tmp_path):
    (tmp_path / "precious.txt").write_text("mine")
    first = quiet(small(), data, tmp_path, epochs=2, overwrite=True)
    second = quiet(small(), data, tmp_path, epochs=1, overwrite=True)
    assert first.history == second.history
    assert second.history["epoch"] == [1]
    assert len(list((tmp_path / "tensorboard" / "train").iterdir())) == 1
    assert (tmp_path / "precious.txt").read_text() == "mine"


def test_a_failure_before_the_first_step_leaves_no_directory(data, tmp_path):
    with pytest.raises(MismatchError):
        quiet(small(classes=7), data, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_an_old_run_survives_what_fails_before_the_first_step(run, data):
    before = {path: path.read_bytes() for path in run.path.glob("*.*")}
    with pytest.raises(MismatchError):
        quiet(small(classes=7), data, run.path, overwrite=True)
    assert {path: path.read_bytes() for path in run.path.glob("*.*")} == before


def test_class_count_and_image_shape_must_fit(data, tmp_path):
    path = tmp_path / "run"
    with pytest.raises(
        MismatchError, match="small has 7 outputs, but halves has 3 classes; build the model with"
    ):
        quiet(small(classes=7), data, path)
    image = keras.Input((8, 8, 5), name="image")
    out = keras.layers.Dense(3)(keras.layers.Flatten()(image))
    with pytest.raises(MismatchError, match="1 channels and the model takes 5"):
        quiet(keras.Model(image, out), data, path)
    vector = keras.Input((8,), name="image")
    with pytest.raises(MismatchError, match="must take one batch of images"):
        quiet(keras.Model(vector, keras.layers.Dense(3)(vector)), data, path)
    with pytest.raises(MismatchError, match="include_top=True"):
        quiet(kerascnn.create_model("lenet5", include_top=False), data, path)
    image = keras.Input((8, 8, 1), name="image")
    flat = keras.layers.Flatten()(image)
    two = keras.Model(image, [keras.layers.Dense(3)(flat), keras.layers.Dense(3)(flat)])
    with pytest.raises(MismatchError, match="several outputs must call them 'predictions' and"):
        quiet(two, data, path)


def test_wrong_arguments_are_told(data, tmp_path):
    path = tmp_path / "run"
    for arguments, message in (
        ({"recipe": "modren"}, "no recipe is called"),
        ({"epochs": 0}, "epochs is 0"),
        ({"precision": "float16"}, "precision='float16'; it must be one of"),
        ({"precision": "mixed_bfloat16"}, "the model was built in float32"),
        ({"strategy": "ring"}, "strategy='ring'; it must be one of"),
        ({"strategy": tf.distribute.OneDeviceStrategy("/cpu:0")}, "outside the scope"),
    ):
        with pytest.raises(UsageError, match=message):
            quiet(small(), data, path, **arguments)
    with pytest.raises(DataError, match="no images to train on"):
        quiet(small(), replace(data, train=Split(data.train.images[:0], np.zeros(0, int))), path)
    with pytest.raises(DataError, match="no images to evaluate on"):
        quiet(small(), replace(data, test=Split(data.train.images[:0], np.zeros(0, int))), path)
    assert not path.exists()


# ---------------------------------------------------------------------- the main job


def test_lenet5_learns_the_digits(tmp_path):
    run = train("lenet5", "digits", run_dir=tmp_path / "r", verbose=False)
    assert run.config["data"]["test"] == 599
    # The last model, which no held-out image has chosen.
    assert run.history["val_accuracy"][-1] >= 0.97
    (got,) = kerascnn.predict(run, kerascnn.load_data("digits").test.images[:1], top=1)
    assert len(got.indices) == 1
    assert json.loads((run.path / "config.json").read_text())["model"]["name"] == "lenet5"
