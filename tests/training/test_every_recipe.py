"""Every recipe trains: a few steps each, by `train`, with all that it turns on."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from PIL import Image

from kerascnn import create_model, load_data
from kerascnn.cli import main
from kerascnn.recipes.lookup import resolve_recipe
from kerascnn.recipes.schedules import Schedule
from kerascnn.recipes.table import RECIPES
from kerascnn.training.train import train

QUIET = {"verbose": False, "precision": "float32"}


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Two classes, told apart by their brightness; of several sizes."""
    folder = tmp_path_factory.mktemp("photos")
    for part, count in (("train", 8), ("val", 4)):
        for label, name in enumerate(("dark", "light")):
            (folder / part / name).mkdir(parents=True)
            for k in range(count):
                draw = np.random.default_rng([label, count, k])
                pixels = draw.integers(100 * label, 100 * label + 100, (40 + k, 50 - k, 3))
                Image.fromarray(pixels.astype(np.uint8)).save(folder / part / name / f"{k}.png")
    return load_data(f"folder:{folder}")


def small(classes=2, size=32):
    image = keras.Input((size, size, 3), name="image")
    x = keras.layers.Conv2D(4, 3, strides=2, use_bias=False)(image)
    x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
    x = keras.layers.DepthwiseConv2D(3)(x)
    x = keras.layers.GlobalAveragePooling2D(name="features")(x)
    return keras.Model(image, keras.layers.Dense(classes, "softmax", name="predictions")(x))


@pytest.mark.parametrize("name", sorted(set(RECIPES) - {"googlenet_2014"}))
def test_a_recipe_trains(name, photos, tmp_path):
    recipe = resolve_recipe(name, epochs=2, batch_size=8)
    keras.utils.set_random_seed(0)
    model = small()
    before = [np.array(w) for w in model.trainable_weights]
    run = train(model, photos, recipe=recipe, run_dir=tmp_path / "r", **QUIET)
    history = run.history
    assert all(np.isfinite(history[key]).all() for key in ("loss", "val_loss", "val_accuracy"))
    schedule = Schedule(recipe, 2, 4)
    dropped = 0  # two epochs are never a plateau of five
    expected = [schedule.rate(2, dropped), schedule.rate(4, dropped)]
    assert history["learning_rate"] == pytest.approx(expected, rel=1e-5, abs=1e-12)
    after = run.load("last").get_weights()
    assert any(not np.array_equal(x, y) for x, y in zip(before, after, strict=False))
    assert run.config["recipe"] == recipe.to_json()


def test_googlenet_trains_with_its_auxiliary_classifiers_and_is_saved_without(photos, tmp_path):
    model = create_model(
        "googlenet", input_shape=(64, 64, 3), classes=2, width=0.125, stem="small", auxiliary=True
    )
    aux = [np.array(w) for w in model.get_layer("aux1").weights]
    run = train(
        model, photos, recipe=resolve_recipe("googlenet_2014", epochs=2, batch_size=8),
        run_dir=tmp_path / "r", **QUIET,
    )  # fmt: skip
    assert not np.array_equal(aux[0], model.get_layer("aux1").weights[0])
    assert set(run.history) >= {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert not any("aux" in key or "predictions" in key for key in run.history)
    for which in ("best", "last"):
        kept = run.load(which)
        assert len(kept.outputs) == 1
        assert not any("aux" in layer.name for layer in kept.layers)


def test_fields_are_set_by_the_command(tmp_path, capsys):
    run_dir = tmp_path / "r"
    code = main(
        [
            "train", "lenet5", "digits", "--recipe", "lenet_1998", "--epochs", "1",
            "--set", "learning_rate=0.02", "--set", "batch_size=256",
            "--set", "milestones=0.5,0.75",
            "--set", "drops=0.1", "--run-dir", str(run_dir), "--precision", "float32",
        ]
    )  # fmt: skip
    assert code == 0
    from kerascnn import load_run

    recipe = load_run(run_dir).config["recipe"]
    assert (recipe["name"], recipe["learning_rate"]) == ("lenet_1998", 0.02)
    assert (recipe["batch_size"], recipe["milestones"]) == (256, [0.5, 0.75])
    assert load_run(run_dir).history["learning_rate"] == pytest.approx([0.0002])
    capsys.readouterr()
    assert main(["train", "lenet5", "digits", "--set", "lerning_rate=1"]) == 2
    assert "did you mean 'learning_rate'" in capsys.readouterr().err


def test_a_training_by_name_takes_the_recipe_s_dropout_and_depth(tmp_path):
    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (24, 32, 32, 3), np.uint8)
    data = load_data((images, np.arange(24) % 3))
    recipe = resolve_recipe(
        "default", ["stochastic_depth=0.3", "epochs=1", "batch_size=16", "dropout=0.25"]
    )
    run = train("resnet20_cifar", data, recipe=recipe, run_dir=tmp_path / "r", **QUIET)
    arguments = run.config["model"]["arguments"]
    assert (arguments["stochastic_depth"], arguments["dropout"]) == (0.3, 0.25)
