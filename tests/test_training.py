"""Training: what a run leaves behind, that it repeats, and what stops it."""

from __future__ import annotations

import csv
import json
import math
import os
import signal
import threading
import time
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerascnn
from kerascnn import callbacks, feeding, training
from kerascnn.data import Data, Split
from kerascnn.devices import policy_scope
from kerascnn.errors import (
    DataError,
    DivergedError,
    Interrupted,
    MismatchError,
    OutputError,
    UsageError,
)
from kerascnn.feeding import fit_batch, standardized, validation_batch
from kerascnn.recipes import Recipe
from kerascnn.training import train

RECIPE = Recipe("test", learning_rate=0.02, batch_size=16, epochs=3)


@pytest.fixture(scope="module")
def data():
    """Three classes told apart by where the bright half of an 8 x 8 image is."""
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 3, 150)
    images = draw.integers(0, 150, (150, 8, 8, 1))
    images[labels == 1, :4] += 100
    images[labels == 2, :, :4] += 100
    images, names = images.astype("uint8"), ("none", "top", "left")
    train, test = Split(images[:100], labels[:100]), Split(images[100:], labels[100:])
    return Data("halves", train, test, names, (8, 8, 1), "f" * 64, "by hand")


def small(classes=3, activation="softmax", dropout=0.0, hidden="tanh"):
    keras.utils.set_random_seed(1)
    image = keras.Input((8, 8, 1), name="image")
    x = keras.layers.Conv2D(4, 3, activation=hidden)(image)
    x = keras.layers.Dropout(dropout)(keras.layers.Flatten(name="features")(x))
    out = keras.layers.Dense(classes, activation=activation, name="predictions")(x)
    return keras.Model(image, out, name="small")


def quiet(model, data, path, **arguments):
    return train(model, data, **{"recipe": RECIPE, "run_dir": path, "verbose": False, **arguments})


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
        "best.keras", "config.json", "curves.png", "history.csv", "last.keras", "tensorboard",
    ]  # fmt: skip
    with (run.path / "history.csv").open() as stream:
        header, *rows = csv.reader(stream)
    assert header == [
        "epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds",
        "images_per_second",
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
        quiet(small(activation=one), data, tmp_path / str(one), epochs=1)
        for one in (None, "softmax")
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
    with pytest.raises(MismatchError, match="must give one row of class scores"):
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


def test_a_batch_is_no_larger_than_the_data_and_cut_evenly():
    assert fit_batch(RECIPE, 100, 1).batch_size == 16
    assert fit_batch(RECIPE, 10, 1).batch_size == 10
    assert fit_batch(RECIPE, 11, 4).batch_size == 11  # filled up with images of no weight
    with pytest.raises(UsageError, match="cannot be shared by 3 replicas; take 15"):
        fit_batch(RECIPE, 100, 3)
    with pytest.raises(UsageError, match="by 2 replicas in 5 parts each; take 10"):
        fit_batch(replace(RECIPE, accumulate=5), 100, 2)
    assert validation_batch(10_000, 1, limit=256) == 256
    assert validation_batch(10, 4, limit=256) == 8
    assert validation_batch(3, 4, limit=256) == 4


# ---------------------------------------------------------------------- precision


def test_a_built_model_keeps_its_precision_and_the_policy_returns(data, tmp_path):
    with policy_scope("mixed_float16"):
        model = small()
    run = quiet(model, data, tmp_path / "r", epochs=1)
    assert run.config["precision"] == "mixed_float16"
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert keras.config.dtype_policy().name == "float32"


def test_precision_for_a_name_has_a_float32_head(data, tmp_path):
    run = quiet("lenet5", data, tmp_path / "r", epochs=1, precision="mixed_bfloat16")
    model = run.load()
    assert run.config["precision"] == "mixed_bfloat16"
    assert model.get_layer("c1").compute_dtype == "bfloat16"
    assert model.get_layer("predictions").compute_dtype == "float32"
    assert keras.config.dtype_policy().name == "float32"


def test_the_policy_returns_after_an_error(data, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "_config", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        quiet("lenet5", data, tmp_path / "r", precision="mixed_bfloat16")
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ([], ["float32", "mixed_bfloat16"]),
        ([(9, 0)], ["mixed_bfloat16", "mixed_float16", "float32"]),
        ([(8, 0), (7, 5)], ["mixed_float16", "float32"]),
        ([(8, 0), (6, 1)], ["float32"]),
    ],
)
def test_candidates_by_the_gpu_s_capability(monkeypatch, capabilities, expected):
    from kerascnn import precision

    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: capabilities)
    monkeypatch.setattr(
        tf.config.experimental, "get_device_details", lambda gpu: {"compute_capability": gpu}
    )
    assert precision.candidates() == expected


# ---------------------------------------------------------------------- divergence


def with_nan_in_step(step):
    """`pipeline`, with NaN images in one training step, counted from 0 over all epochs."""
    real = feeding.pipeline

    def pipeline(split, preprocessing, *, training, **arguments):
        batches = real(split, preprocessing, training=training, **arguments)
        if not training:
            return batches
        broken = batches.enumerate().map(
            lambda i, pair: (tf.where(i == step, math.nan, pair[0]), pair[1])
        )
        return broken.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))

    return pipeline


def test_nan_stops_at_its_step_and_the_files_stay_finite(data, tmp_path, monkeypatch):
    reference = quiet(small(), data, tmp_path / "reference", epochs=4)
    monkeypatch.setattr(feeding, "pipeline", with_nan_in_step(2 * 6 + 3))
    model = small()
    with pytest.raises(DivergedError, match="nan in step 4 of epoch 3") as caught:
        quiet(model, data, tmp_path / "r", epochs=4)
    assert str(tmp_path / "r" / "last.keras") in str(caught.value)
    assert str(tmp_path / "r" / "best.keras") in str(caught.value)
    assert len(str(caught.value)) <= 400
    assert int(model.optimizer.iterations) == 2 * 6 + 3 + 1
    run = kerascnn.load_run(tmp_path / "r")
    assert run.history["epoch"] == [1, 2]
    assert run.history["loss"] == reference.history["loss"][:2]
    for which in ("best", "last"):
        assert callbacks.not_finite(run.load(which)) is None
    assert (run.path / "curves.png").exists()


def test_nan_weights_behind_a_relu_are_found_though_the_loss_is_finite(data, tmp_path, monkeypatch):
    """max(NaN, 0) is 0 on a CPU: the weights are lost and no loss tells."""
    monkeypatch.setattr(feeding, "pipeline", with_nan_in_step(6 + 3))
    with pytest.raises(
        DivergedError, match="kernel holds values that are not finite at the end of"
    ):
        quiet(small(hidden="relu"), data, tmp_path / "r")
    assert callbacks.not_finite(kerascnn.load_run(tmp_path / "r").load("last")) is None


def test_nan_in_the_first_epoch_saves_nothing(data, tmp_path, monkeypatch):
    monkeypatch.setattr(feeding, "pipeline", with_nan_in_step(0))
    with pytest.raises(DivergedError, match="step 1 of epoch 1; no model was saved yet"):
        quiet(small(), data, tmp_path / "r")
    assert sorted(path.name for path in (tmp_path / "r").iterdir()) == [
        "config.json",
        "tensorboard",
    ]


def test_a_huge_rate_diverges_with_exit_code_7(data, tmp_path):
    recipe = replace(RECIPE, optimizer="sgd", warmup=0.0, epochs=20)
    with pytest.raises(DivergedError, match="lower the learning rate") as caught:
        quiet(small(hidden="relu"), data, tmp_path / "r", recipe=recipe, learning_rate=1e30)
    assert caught.value.exit_code == 7


def test_weights_that_are_not_finite_are_found():
    model = small()
    assert callbacks.not_finite(model) is None
    layer = model.get_layer("predictions")
    layer.bias.assign([0.0, math.inf, 0.0])
    assert callbacks.not_finite(model) == layer.bias.path


def test_nan_never_replaces_the_best(tmp_path):
    files = callbacks.ModelFiles(tmp_path)
    files.set_model(small())
    kept = []
    for accuracy, loss in ((0.5, 1.0), (math.nan, 1.0), (0.9, math.nan), (0.5, 0.9), (0.4, 0.1)):
        files.on_epoch_end(0, {"val_accuracy": accuracy, "val_loss": loss})
        kept.append((tmp_path / "best.keras").stat().st_mtime_ns)
    assert kept[0] == kept[1] == kept[2] != kept[3] == kept[4]


# ---------------------------------------------------------------------- interruption


def interrupted_run(data, path, monkeypatch, number):
    """Sends a signal in the second step of the third epoch."""
    real = callbacks.Measurements.on_train_batch_end

    def on_train_batch_end(self, batch, logs=None):
        real(self, batch, logs)
        if int(self.model.optimizer.iterations) == 2 * 6 + 2:
            signal.raise_signal(number)

    monkeypatch.setattr(callbacks.Measurements, "on_train_batch_end", on_train_batch_end)
    model = small()
    with pytest.raises(Interrupted) as caught:
        quiet(model, data, path, epochs=4)
    return model, caught.value


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_keeps_and_names_best_and_last(data, tmp_path, monkeypatch, number):
    before = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}
    model, error = interrupted_run(data, tmp_path / "r", monkeypatch, number)
    assert error.exit_code == 75
    assert number.name in str(error)
    for name in ("best.keras", "last.keras"):
        assert str(tmp_path / "r" / name) in str(error)
    run = kerascnn.load_run(tmp_path / "r")
    assert run.history["epoch"] == [1, 2]
    assert (run.path / "curves.png").exists()
    # The signal came in step 2 of epoch 3; that step was finished, one more was not begun.
    assert int(model.optimizer.iterations) in (14, 15)
    for kept, now in zip(run.load("last").get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(kept, now)
    assert run.load("best") is not None
    assert {one: signal.getsignal(one) for one in before} == before


def test_a_raw_keyboard_interrupt_is_the_same(data, tmp_path, monkeypatch):
    def on_epoch_end(self, epoch, logs=None):
        raise KeyboardInterrupt

    monkeypatch.setattr(callbacks.HistoryFile, "on_epoch_end", on_epoch_end)
    with pytest.raises(Interrupted, match=r"Ctrl-C; kept: .*best\.keras, .*last\.keras"):
        quiet(small(), data, tmp_path / "r")


def test_training_in_another_thread_leaves_signals_alone(data, tmp_path):
    result = []
    worker = threading.Thread(
        target=lambda: result.append(quiet(small(), data, tmp_path / "r", epochs=1))
    )
    worker.start()
    worker.join()
    assert result[0].history["epoch"] == [1]


# ---------------------------------------------------------------------- progress


def test_progress_is_one_plain_line_an_epoch_without_a_terminal(data, tmp_path, capsys):
    train(small(), data, recipe=RECIPE, run_dir=tmp_path / "r")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("small (475 parameters) on halves: 100 training and 50 held-out")
    assert lines[-1].startswith("best epoch ")
    assert lines[-1].endswith(f"see {tmp_path / 'r'}")
    epochs = lines[1:-1]
    history = kerascnn.load_run(tmp_path / "r").history
    assert len(epochs) == 3
    for number, line in enumerate(epochs, 1):
        assert line.startswith(
            f"epoch {number}/3  loss {history['loss'][number - 1]:.4f}  accuracy"
        )
        assert f"val_accuracy {history['val_accuracy'][number - 1] * 100:.2f} %" in line
        assert "images/s" in line
        assert ("left" in line) == (number < 3)


def test_bars_on_a_terminal_show_step_and_time_left(data, tmp_path, monkeypatch):
    import io

    from rich.console import Console

    from kerascnn import progress

    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=100, highlight=False)
    display = progress.ProgressDisplay(2, 10, 16, console)
    display.on_train_begin()
    display.on_epoch_begin(0)
    for step in range(5):
        time.sleep(0.01)
        display.on_train_batch_end(step, {"loss": 0.25, "accuracy": 0.5})
    assert display.bars is not None
    display.bars.refresh()
    display.close()
    shown = stream.getvalue()
    for part in ("epoch 1/2", "step 5/10", "loss 0.2500", "accuracy 50.00 %", "images/s", "left"):
        assert part in shown, part
    # 4 steps took about 0.04 s after the first; 15 are left.
    assert 0.1 < 15 * 0.01 <= float(display._left().split()[0]) + 0.05 < 2


def test_durations_are_readable():
    from kerascnn.progress import clock

    assert [clock(s) for s in (4.21, 59.99, 187, 7387)] == ["4.2 s", "60.0 s", "3:07", "2:03:07"]


# ---------------------------------------------------------------------- the main job


def test_lenet5_learns_the_digits(tmp_path):
    run = train("lenet5", "digits", run_dir=tmp_path / "r", verbose=False)
    assert run.config["data"]["test"] == 599
    # The last model, which no held-out image has chosen.
    assert run.history["val_accuracy"][-1] >= 0.97
    (got,) = kerascnn.predict(run, kerascnn.load_data("digits").test.images[:1], top=1)
    assert len(got.indices) == 1
    assert json.loads((run.path / "config.json").read_text())["model"]["name"] == "lenet5"
