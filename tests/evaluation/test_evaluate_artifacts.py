"""Runs, saved files and artifacts are measured alike, alone and together; by the command too."""

from __future__ import annotations

import json
import os

import keras
import numpy as np
import pytest

import kerascnn
from kerascnn.data.sources.dataset import Data, Split
from kerascnn.errors import (
    DamagedFileError,
    DataError,
    DivergedError,
    MismatchError,
    UnsafeFileError,
    UsageError,
)
from kerascnn.evaluation.files import write_evaluation
from kerascnn.imaging.preprocessing import Preprocessing
from kerascnn.inference.open_classifier import open_classifier

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
SCALED = Preprocessing(size=(2, 4), fit="none", channels="grey", scale=0.125, mean=(0.5,))
NAMES = tuple("abcdef")


def network(seed, activation="softmax"):
    image = keras.Input((2, 4, 1), name="image")
    features = keras.layers.Flatten(name="features")(image)
    dense = keras.layers.Dense(6, activation=activation, name="predictions")
    model = keras.Model(image, dense(features), name="small")
    rng = np.random.default_rng(seed)
    dense.set_weights([rng.normal(size=(8, 6)), rng.normal(size=6)])
    return model


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(1)
    split = Split(rng.integers(1, 30, (41, 2, 4, 1)).astype(np.uint8), rng.integers(0, 6, 41))
    return Data("toy", split, split, NAMES, (2, 4, 1), "0" * 64, "by hand")


def run_in(folder, weights, **config):
    folder.mkdir()
    record = {
        "model": {"name": "small", "arguments": None},
        "data": {"name": "toy", "class_names": list(NAMES)},
        "preprocessing": SCALED.to_json(),
        "seed": 0,
        **config,
    }
    (folder / "config.json").write_text(json.dumps(record))
    network(weights).save(folder / "best.keras")
    network(weights + 100).save(folder / "last.keras")
    return kerascnn.load_run(folder)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return run_in(tmp_path_factory.mktemp("runs") / "a", 0)


@pytest.fixture(scope="module")
def exported(run, tmp_path_factory, data):
    out = tmp_path_factory.mktemp("exported") / "out"
    samples = list(data.test.images[:4])
    kerascnn.export(run, out, samples=samples)
    return out


def by_hand(data, *models):
    """Averages the probabilities of softmax regressions in NumPy."""
    pixels = data.test.images.reshape(-1, 8) * 0.125 - 0.5
    parts = []
    for model in models:
        kernel, bias = model.get_weights()
        powers = np.exp((pixels @ kernel + bias).astype(float))
        parts.append(powers / powers.sum(axis=1, keepdims=True))
    mean = np.mean(parts, axis=0)
    chosen = mean[np.arange(len(mean)), data.test.labels]
    return -np.log(chosen).mean(), (mean.argmax(axis=1) == data.test.labels).mean()


@pytest.mark.parametrize("batch_size", [1, 20, 64])
def test_every_form_of_a_network_has_the_same_figures(run, exported, data, batch_size):
    loss, accuracy = by_hand(data, network(0))
    forms = [run, run.path, run.path / "best.keras", exported, exported / "model.onnx"]
    for form in [*forms, exported / "savedmodel"]:
        got = kerascnn.evaluate(form, data, batch_size=batch_size, trust=True)
        assert got["loss"] == pytest.approx(loss, rel=1e-5), form
        assert got["accuracy"] == pytest.approx(accuracy), form
        assert got["count"] == 41, form
        assert list(got.members) == [str(form.path if form is run else (
            exported / "model.onnx" if form == exported else form))]  # fmt: skip
    other, _ = by_hand(data, network(100))
    assert kerascnn.evaluate(run.path / "last.keras", data)["loss"] == pytest.approx(other)


def test_predictions_of_artifacts_carry_the_names(run, exported, data):
    image = data.test.images[0].astype("float32")
    wanted = kerascnn.predict(run, image, top=6)[0]
    for form in (exported / "model.onnx", exported / "savedmodel"):
        (got,) = kerascnn.predict(form, image, top=6, trust=True)
        assert got.labels == wanted.labels
        assert got.scores == pytest.approx(wanted.scores, abs=1e-6)


def test_an_ensemble_averages_over_everything(run, exported, data):
    extra = network(5, None)  # logits
    got = kerascnn.evaluate(
        [run, exported / "model.onnx", extra], data, preprocessing=SCALED, batch_size=7
    )
    loss, accuracy = by_hand(data, network(0), network(0), network(5))
    assert got["loss"] == pytest.approx(loss, rel=1e-5)
    assert got["accuracy"] == pytest.approx(accuracy)
    alone = list(got.members.values())
    assert alone[0]["loss"] == pytest.approx(by_hand(data, network(0))[0], rel=1e-5)
    assert alone[2]["loss"] == pytest.approx(by_hand(data, network(5))[0], rel=1e-5)


def test_equal_names_of_an_ensemble_are_told_apart(data):
    figures = kerascnn.evaluate([network(1), network(2)], data, preprocessing=SCALED).members
    assert list(figures) == ["small (1)", "small (2)"]


def test_runs_with_other_splits_are_no_ensemble(tmp_path):
    """Each would have been trained on images that the other was not."""
    first, second = (run_in(tmp_path / name, 3, seed=seed) for name, seed in (("x", 1), ("y", 2)))
    images = np.random.default_rng(0).integers(1, 30, (60, 2, 4))
    source = {"x": images, "y": np.arange(60) % 6, "class_names": list(NAMES)}
    with pytest.raises(UsageError, match=r"seed 1\) than .* \(seed 2"):
        kerascnn.evaluate([first, second], source)
    both = kerascnn.evaluate([first, second], kerascnn.load_data(source, seed=1))
    assert both["count"] == 18  # 3 of the 10 images of each class
    drawn = {"name": "arrays", "class_names": list(NAMES), "split": "drawn with seed 1: 42 and 18"}
    third = run_in(tmp_path / "z", 3, seed=9, data=drawn)
    assert kerascnn.evaluate([first, third], source)["count"] == 18


def test_a_savedmodel_is_only_opened_on_trust(exported, data):
    with pytest.raises(UnsafeFileError, match="--trust"):
        kerascnn.evaluate(exported / "savedmodel", data)
    with pytest.raises(UnsafeFileError, match="--trust"):
        kerascnn.predict(exported / "savedmodel", data.test.images[0])


def test_damaged_artifacts_are_refused(exported, tmp_path):
    whole = (exported / "model.onnx").read_bytes()
    (tmp_path / "half.onnx").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DamagedFileError, match=r"half\.onnx"):
        open_classifier(tmp_path / "half.onnx")
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "saved_model.pb").write_bytes(b"\0\1\2")
    with pytest.raises(DamagedFileError, match="no complete SavedModel"):
        open_classifier(tmp_path / "saved", trust=True)
    with pytest.raises(DataError, match="does not exist"):
        open_classifier(tmp_path / "none.onnx")
    with pytest.raises(UsageError, match="a folder without a run, an export or a SavedModel"):
        open_classifier(tmp_path)


def test_classes_must_agree_by_name(exported, data):
    other = Data("toy", data.train, data.test, tuple("fedcba"), (2, 4, 1), "0" * 64, "by hand")
    with pytest.raises(MismatchError, match="trained on the classes a, b, c"):
        kerascnn.evaluate(exported / "model.onnx", other)


def test_scores_that_are_not_finite_are_no_right_answers(data):
    broken = network(0)
    kernel, bias = broken.get_weights()
    broken.set_weights([np.full_like(kernel, np.nan), bias])
    with pytest.raises(DivergedError, match="not finite for image 0"):
        kerascnn.evaluate(broken, data, preprocessing=SCALED)


def test_weights_files_of_ours(tmp_path, data):
    model = kerascnn.create_model("lenet5", classes=6)
    kerascnn.save_weights(model, tmp_path / "w.safetensors")
    shapes = {"preprocessing": Preprocessing(size=(32, 32), channels="grey")}
    got = kerascnn.evaluate(tmp_path / "w.safetensors", data, **shapes)
    assert got["loss"] == pytest.approx(kerascnn.evaluate(model, data, **shapes)["loss"])


def test_what_is_written_down(run, data, tmp_path):
    evaluation = kerascnn.evaluate(run, data)
    files = write_evaluation(evaluation, tmp_path / "out")
    assert sorted(file.name for file in files) == sorted(os.listdir(tmp_path / "out"))
    record = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert record["figures"] == dict(evaluation)
    assert record["data"] == {"name": "toy", "fingerprint": "0" * 64}
    rows = [
        line.split(",") for line in (tmp_path / "out" / "confusion.csv").read_text().splitlines()
    ]
    assert rows[0] == ["true class", *NAMES]
    np.testing.assert_array_equal(
        [[int(cell) for cell in row[1:]] for row in rows[1:]], evaluation.outcomes.confusion()
    )
    lines = (tmp_path / "out" / "predictions.csv").read_text().splitlines()
    assert len(lines) == 42
    assert sum(line.endswith(",1") for line in lines) == round(evaluation["accuracy"] * 41)


def test_the_command(run, exported, tmp_path, capsys):
    from kerascnn.cli import main

    images = np.random.default_rng(1).integers(1, 30, (41, 2, 4, 1)).astype(np.uint8)
    labels = np.arange(41) % 6
    np.savez(tmp_path / "d.npz", x_train=images, y_train=labels, x_test=images, y_test=labels,
             class_names=np.array(NAMES))  # fmt: skip
    source = f"npz:{tmp_path / 'd.npz'}"
    both = [str(run.path), str(exported / "model.onnx")]
    assert main(["evaluate", *both, "--data", source, "--per-class", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["count"] == 41
    assert list(result["networks"]) == both
    assert [row["support"] for row in result["classes"]] == [7, 7, 7, 7, 7, 6]
    out = tmp_path / "out"
    assert main(["evaluate", *both, source, "--flip", "--per-class", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "\nensemble " in printed
    assert "averaged over      reflections" in printed
    assert "confusion.png" in printed
    assert main(["evaluate", *both, source, "--out", str(out)]) == 8
    assert main(["evaluate", str(exported / "savedmodel"), source]) == 3
    assert main(["evaluate", both[1]]) == 2
    assert "--data" in capsys.readouterr().err
    assert main(["evaluate", *both, source, "--scales", "big"]) == 2
