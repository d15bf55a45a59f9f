"""Files of models that were not the first of their process: conv2d_94 is the first convolution."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

import kerascnn
from kerascnn.weights.load import load_weights
from kerascnn.weights.running_numbers import in_file, in_groups
from support.weight_files.other_libraries import as_keras, scrambled, values
from support.weight_loads import refused, same

SMALL: dict[str, Any] = {"width": 0.125, "input_shape": (75, 75, 3), "classes": 4}


def test_the_order_of_the_numbers_counts() -> None:
    modules = {"a": "conv2d", "b": "conv2d_1", "c": "dense", "d": "named_1"}
    stored = ["conv2d_100/kernel", "conv2d_99/kernel", "dense_3/bias", "named_7/kernel"]
    assert in_file(modules, stored) == {
        "a": "conv2d_99", "b": "conv2d_100", "c": "dense_3", "d": "named_1"
    }  # fmt: skip
    # All names are there: they are names. Too few are there: nothing says which.
    assert in_file(modules, ["conv2d/k", "conv2d_1/k", "conv2d_2/k"]) == modules
    assert in_file(modules, ["conv2d_7/k"]) == modules


def write_keras_2(path: Path, layers: dict[str, dict[str, np.ndarray]]) -> Path:
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = np.array(list(layers), "S")
        for layer, variables in layers.items():
            group = file.create_group(layer)
            group.attrs["weight_names"] = np.array([f"{name}:0" for name in variables], "S")
            for name, array in variables.items():
                group[f"{name}:0"] = array
    return path


def renumbered(layers: dict[str, dict[str, np.ndarray]]) -> dict[str, dict[str, np.ndarray]]:
    """Returns the layers as a model has them that was second, or first in a process of Keras 1."""
    kinds = {"conv2d": 94, "batch_normalization": 101}
    result = {}
    for layer, variables in layers.items():
        kind, _, number = layer.rpartition("_")
        kind, number = (kind, number) if number.isdigit() else (layer, "0")
        new = f"{kind}_{int(number) + kinds[kind]}" if kind in kinds else layer
        result[new] = {f"{new}/{name.rpartition('/')[2]}": a for name, a in variables.items()}
    return result


@pytest.mark.parametrize("row", ["inception_v3", "inception_resnet_v2"])
def test_the_second_model_of_a_process(row: str, tmp_path: Path) -> None:
    depth = {} if row == "inception_v3" else {"depth": 0.1}
    model = kerascnn.create_model(row, **SMALL, **depth, gamma=False)
    wanted = scrambled(model)
    layers = renumbered(as_keras(model))
    # Keras lists layers by depth, in which the numbers are in no order.
    path = write_keras_2(tmp_path / "weights.h5", dict(sorted(layers.items())))
    scrambled(model, "other ")
    report = load_weights(model, path)
    assert (report.fraction, report.unexpected, report.missing) == (1.0, (), ())
    assert report.layout in ("keras", "keras_files")
    assert same(values(model), wanted)


def automatic() -> keras.Model:
    """Returns a model of a user, whose layers have automatic names."""
    image = keras.Input((8, 8, 3))
    x = keras.layers.BatchNormalization()(keras.layers.Conv2D(4, 3)(image))
    x = keras.layers.Conv2D(4, 3)(keras.layers.SeparableConv2D(4, 3)(x))
    return keras.Model(image, keras.layers.Dense(2)(keras.layers.Flatten()(x)))


@pytest.mark.parametrize("ending", [".weights.h5", ".h5", ".keras"])
def test_a_users_model_that_is_built_again(ending: str, tmp_path: Path) -> None:
    first, second = automatic(), automatic()
    assert first.layers[1].name != second.layers[1].name
    for source, target in ((first, second), (second, first)):
        wanted = scrambled(source)
        path = tmp_path / f"{source.name}{ending}"
        (source.save_weights if ending == ".weights.h5" else source.save)(path)
        report = load_weights(target, path)
        assert (report.fraction, report.unexpected) == (1.0, ())
        assert same(dict(zip(wanted, values(target).values(), strict=True)), wanted)


def without_names(path: Path) -> Path:
    """Takes the layers' names out of a weights file, as older versions of Keras 3 wrote it."""
    with h5py.File(path, "r+") as file:
        groups: list[h5py.Group] = []
        file.visititems(lambda name, item: groups.append(item) if "name" in item.attrs else None)
        for group in groups:
            del group.attrs["name"]
    return path


def test_the_groups_of_a_class() -> None:
    layers = {"a": "Conv2D", "b": "BatchNormalization", "c": "Conv2D"}
    stored = ["layers/conv2d_10/0", "layers/conv2d_9/0", "layers/batch_normalization/1"]
    assert in_groups(layers, stored) == {
        "a": "layers/conv2d_9", "b": "layers/batch_normalization", "c": "layers/conv2d_10"
    }  # fmt: skip
    assert in_groups(layers, [*stored, "layers/dense/0"]) == {}
    assert in_groups(layers, ["conv2d/0"]) == {}


def test_weights_without_layer_names_in_a_users_model(tmp_path: Path) -> None:
    first, second = automatic(), automatic()
    wanted = scrambled(first)
    first.save_weights(tmp_path / "x.weights.h5")
    report = load_weights(second, without_names(tmp_path / "x.weights.h5"))
    assert report.fraction == 1.0
    assert same(dict(zip(wanted, values(second).values(), strict=True)), wanted)


def test_weights_without_layer_names_do_not_fit_a_row(tmp_path: Path) -> None:
    """Another library's model lists layers of equal shapes in another order."""
    model = kerascnn.create_model("resnet18", width=0.125, depth=0.25, input_shape=(32, 32, 3))
    model.save_weights(tmp_path / "x.weights.h5")
    error = refused(model, without_names(tmp_path / "x.weights.h5"))
    assert "have no names" in str(error)
    assert "save that again" in str(error)


@pytest.mark.parametrize("nested", [False, True])
def test_a_whole_model_without_layer_names(nested: bool, tmp_path: Path) -> None:
    """Its configuration has the names of the layers in the order of the groups."""
    network = kerascnn.create_model(
        "resnet18", width=0.125, depth=0.25, input_shape=(32, 32, 3), include_top=False,
        pooling="avg",
    )  # fmt: skip
    model = network
    if nested:
        model = keras.Sequential([keras.Input((32, 32, 3)), network, keras.layers.Dense(5)])
    wanted = scrambled(network)
    model.save(tmp_path / "x.keras")
    with zipfile.ZipFile(tmp_path / "x.keras") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    (tmp_path / "inner.h5").write_bytes(members["model.weights.h5"])
    members["model.weights.h5"] = without_names(tmp_path / "inner.h5").read_bytes()
    with zipfile.ZipFile(tmp_path / "old.keras", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    scrambled(network, "other ")
    report = load_weights(network, tmp_path / "old.keras")
    assert (report.fraction, report.unexpected) == (1.0, ())
    assert same(values(network), wanted)
