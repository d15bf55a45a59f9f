"""A run done again is bitwise identical, or the message says what differs."""

from __future__ import annotations

import json
import shutil

import keras
import numpy as np
import pytest

from kerascnn.cli import main
from kerascnn.create import create_model
from kerascnn.errors import DataError, MismatchError, UsageError
from kerascnn.recipes.lookup import Recipe
from kerascnn.training.reproduce import reproduce
from support.trainings import halves, quiet, small


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "digits"
    command = ["train", "lenet5", "digits", "--epochs", "2", "--batch-size", "256", "--seed", "3"]
    assert main([*command, "--run-dir", str(path), "--precision", "float32"]) == 0
    return path


@pytest.fixture
def copy(original, tmp_path):
    return shutil.copytree(original, tmp_path / "run")


def edit(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_the_command_reproduces_to_the_bit(copy, capsys):
    before = {path: path.read_bytes() for path in copy.glob("*.*")}
    assert main(["reproduce", str(copy)]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith(
        "reproduced, bitwise identical: the weights and every figure of 2 epochs"
    )
    assert copy.with_name("run-again").is_dir()
    assert {path: path.read_bytes() for path in copy.glob("*.*")} == before

    edit(copy / "result.json", lambda result: result.update(weights_sha256="0" * 64))
    assert main(["reproduce", str(copy)]) == 5
    error = capsys.readouterr().err
    assert copy.with_name("run-again-2").is_dir()
    assert "not reproduced: " in error
    assert "the weights alone; versions, threads and device are the same" in error

    rows = (copy / "history.csv").read_text().splitlines()
    loss = rows[1].split(",")[1]
    (copy / "history.csv").write_text("\n".join(rows).replace(loss, "0.5", 1) + "\n")
    assert main(["reproduce", str(copy), "--json"]) == 5
    printed = json.loads(capsys.readouterr().out)
    assert printed["different"] == [f"loss of epoch 1: 0.5 -> {float(loss):.6g}"]
    assert (printed["exact"], printed["holds"], printed["same_weights"]) == (False, False, False)


def test_what_is_missing_is_told(copy, tmp_path, monkeypatch):
    def gone(config):
        config["data"]["name"] = "folder:/nowhere"

    edit(copy / "config.json", gone)
    with pytest.raises(
        DataError, match=r"'folder:/nowhere' of the run cannot be loaded: .* --data"
    ):
        reproduce(copy)
    pixels = np.zeros((40, 8, 8, 1), "uint8")
    with pytest.raises(
        DataError, match=r"is not the data of the run: .* the run had 1,198 and 599"
    ):
        reproduce(copy, data=(pixels, np.arange(40) % 10))
    (copy / "result.json").unlink()
    with pytest.raises(UsageError, match="is not finished"):
        reproduce(copy)
    assert not copy.with_name("run-again").exists()


def test_a_model_of_one_s_own(tmp_path):
    run = quiet(small(dropout=0.2), halves(), tmp_path / "r", epochs=1)
    with pytest.raises(UsageError, match="give the same model, untrained, as model="):
        reproduce(run, data=halves())
    reproduction = reproduce(run, data=halves(), model=small(dropout=0.2), verbose=False)
    assert reproduction.exact
    assert reproduction.holds
    with pytest.raises(MismatchError, match=r"differs from the recorded run: model\.parameters"):
        reproduce(run, data=halves(), model=plain(), run_dir=tmp_path / "o", verbose=False)


def plain():
    image = keras.Input((8, 8, 1), name="image")
    x = keras.layers.Flatten(name="features")(image)
    out = keras.layers.Dense(3, activation="softmax", name="predictions")(x)
    return keras.Model(image, out, name="small")


def test_other_circumstances_allow_other_bits(tmp_path):
    first = quiet(small(), halves(), tmp_path / "one", epochs=1)
    reproduction = reproduce(first, data=halves(), model=small(), verbose=False)
    rows = (first.path / "history.csv").read_text().splitlines()
    cells = rows[1].split(",")
    cells[1] = str(float(cells[1]) * (1 + 1e-6))
    (first.path / "history.csv").write_text(f"{rows[0]}\n{','.join(cells)}\n")
    edit(first.path / "config.json", lambda config: config.update(python="3.99.0"))
    reproduction = reproduce(first, data=halves(), model=small(), verbose=False)
    assert not reproduction.exact
    assert reproduction.holds
    assert reproduction.circumstances[0].startswith("python: 3.99.0 -> 3.")
    assert str(reproduction).startswith("reproduced within 1%: best val_accuracy ")
    cells[4] = "0.2"
    (first.path / "history.csv").write_text(f"{rows[0]}\n{','.join(cells)}\n")
    reproduction = reproduce(first, data=halves(), model=small(), verbose=False)
    assert not reproduction.holds
    assert str(reproduction).startswith("not reproduced: best val_accuracy 20.00 % -> ")


def test_a_model_by_create_model_is_rebuilt_from_its_record(tmp_path):
    arguments = {"width": 0.5, "classes": 3, "input_shape": (8, 8, 1), "filter_size": 3}
    keras.utils.set_random_seed(5)
    model = create_model("convnet", n=1, m=1, filters=(8,), **arguments)
    run = quiet(model, halves(), tmp_path / "r", epochs=1, seed=5, precision="float32")
    again = reproduce(run, data=halves(), verbose=False)
    assert again.again.config["model"] == run.config["model"]
    assert again.exact


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_a_row_with_random_layers_repeats_to_the_bit(tmp_path, precision):
    recipe = Recipe("random", batch_size=32, epochs=1, dropout=0.3, mixup=0.2, flip=True)
    run = quiet("lenet5", halves(), tmp_path / "r", recipe=recipe, precision=precision)
    assert reproduce(run, data=halves(), verbose=False).exact
