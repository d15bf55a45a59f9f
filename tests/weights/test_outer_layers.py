"""Keras files of a user's model around a network, or with the user's layers behind it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

import kerascnn
from kerascnn.weights.load import load_weights
from support.weight_files.keras_files import write_keras2
from support.weight_files.other_libraries import scrambled, values
from support.weight_loads import Unchanged, refused, same

SMALL: dict[str, Any] = {"width": 0.125, "depth": 0.25, "input_shape": (32, 32, 3)}
BARE: dict[str, Any] = {"include_top": False, "pooling": "avg"}
ENDINGS = (".weights.h5", ".keras", ".h5")


def backbone(**arguments: Any) -> keras.Model:
    return kerascnn.create_model("resnet18", **SMALL, **{**BARE, **arguments})


def saved(model: keras.Model, path: Path) -> Path:
    (model.save_weights if path.name.endswith(".weights.h5") else model.save)(path)
    return path


def around(inner: keras.Model, kind: str, units: int = 5) -> keras.Model:
    """Returns a user's model with a dense layer, in a model around the network or in the same."""
    dense = keras.layers.Dense(units, activation="softmax", name="dense_3")
    if kind == "sequential":
        return keras.Sequential([keras.Input((32, 32, 3)), inner, dense])
    if kind == "functional":
        image = keras.Input((32, 32, 3))
        return keras.Model(image, dense(inner(image)))
    return keras.Model(inner.input, dense(inner.output))


@pytest.mark.parametrize("kind", ["sequential", "functional", "flat"])
@pytest.mark.parametrize("ending", ENDINGS)
def test_a_backbone_with_a_users_head(kind: str, ending: str, tmp_path: Path) -> None:
    inner = backbone()
    outer = around(inner, kind)
    wanted = scrambled(inner)
    path = saved(outer, tmp_path / f"x{ending}")
    logits = np.asarray(outer(np.ones((1, 32, 32, 3), "f4"), training=False))

    bare = backbone()
    report = load_weights(bare, path)
    assert report.fraction == 1.0
    assert {key.partition("/")[0] for key in report.ignored} == {"dense_3"}
    assert same(values(bare), wanted)

    whole = backbone(include_top=True, classes=5, pooling=None)
    report = load_weights(whole, path)
    assert (report.fraction, report.ignored, report.unexpected) == (1.0, (), ())
    np.testing.assert_allclose(
        np.asarray(whole(np.ones((1, 32, 32, 3), "f4"), training=False)), logits, rtol=1e-5
    )
    # Weights alone do not say what is before the layer and behind it.
    taken = any("taken as the classifier" in warning for warning in report.warnings)
    assert taken == (ending == ".weights.h5")

    other_classes = backbone(include_top=True, classes=7, pooling=None)
    report = load_weights(other_classes, path)
    assert report.skipped == ("predictions/kernel", "predictions/bias")


def test_our_network_inside_a_users_model_that_is_loaded_again(tmp_path: Path) -> None:
    outer = around(backbone(), "sequential")
    wanted = scrambled(outer.layers[0])
    path = saved(outer, tmp_path / "x.weights.h5")
    again = around(backbone(), "sequential")
    load_weights(again.layers[0], path)
    assert same(values(again.layers[0]), wanted)


def test_a_head_behind_another_pooling_is_refused(tmp_path: Path) -> None:
    inner = backbone(pooling=None)
    image = keras.Input((32, 32, 3))
    x = keras.layers.GlobalMaxPooling2D()(inner(image))
    outer = keras.Model(image, keras.layers.Dense(5, activation="softmax")(x))
    path = saved(outer, tmp_path / "x.keras")
    whole = backbone(include_top=True, classes=5, pooling=None)
    assert "behind a global max pool" in str(refused(whole, path))


def teachable_machine(path: Path) -> tuple[Path, keras.Model]:
    """Writes what Teachable Machine exports: `keras_model.h5`, by Keras 2."""
    network = keras.applications.MobileNetV2(
        (96, 96, 3), alpha=0.35, include_top=False, weights=None, name="model1"
    )
    scrambled(network)
    features = keras.Sequential(
        [network, keras.layers.GlobalAveragePooling2D(name="global_average_pooling2d_1")],
        name="sequential_1",
    )
    head = keras.Sequential(
        [
            keras.Input((1280,)),
            keras.layers.Dense(100, activation="relu", name="dense_Dense1"),
            keras.layers.Dense(3, activation="softmax", use_bias=False, name="dense_Dense2"),
        ],
        name="sequential_3",
    )
    model = keras.Sequential([keras.Input((96, 96, 3)), features, head], name="sequential_4")
    model.save(path)
    with h5py.File(path) as file:  # Keras 3 wrote it; Keras 2 has ":0" behind each name
        config, layers = file.attrs["model_config"], {}
        for layer in file["model_weights"].attrs["layer_names"]:
            group = file["model_weights"][layer]
            layers[layer] = {
                name.removeprefix(f"{layer}/"): group[name][()]
                for name in group.attrs["weight_names"]
            }
    path.unlink()
    return write_keras2(path, layers, config=json.loads(config)), network


def test_a_model_of_teachable_machine(tmp_path: Path) -> None:
    """Its head is two dense layers: the network without a head loads, one with a head does not."""
    path, network = teachable_machine(tmp_path / "keras_model.h5")
    small: dict[str, Any] = {"width": 0.35, "padding": "same", "input_shape": (96, 96, 3)}
    error = refused(kerascnn.create_model("mobilenet_v2", **small, classes=3), path)
    assert "'dense_Dense1' (1280 to 100) and 'dense_Dense2' (100 to 3, no bias)" in str(error)
    assert "include_top=False" in str(error)

    ours = kerascnn.create_model("mobilenet_v2", **small, include_top=False, weights=path)
    report = ours.kerascnn_load_report
    assert (report.layout, report.fraction, report.unexpected) == ("keras", 1.0, ())
    assert {key.partition("/")[0] for key in report.ignored} == {"dense_Dense1", "dense_Dense2"}
    images = np.random.default_rng(0).uniform(-1, 1, (2, 96, 96, 3)).astype("f4")
    theirs = np.asarray(network(images, training=False))
    np.testing.assert_allclose(
        np.asarray(ours(images, training=False)), theirs, atol=1e-4 * np.abs(theirs).max()
    )


def test_layers_that_are_no_head_are_unexpected(tmp_path: Path) -> None:
    inner = backbone(pooling=None)
    extra = keras.layers.Conv2D(4, 1, name="extra")(inner.output)
    path = saved(keras.Model(inner.input, extra), tmp_path / "x.weights.h5")
    bare = backbone(pooling=None)
    with Unchanged(bare):
        assert "unexpected 'extra/0'" in str(refused(bare, path))
