"""What a whole Keras model's own configuration says is compared with the model to load into."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import kerascnn
from kerascnn.weights.keras_graph import graph_of_config
from kerascnn.weights.load import load_weights
from kerascnn.weights.load_report import LoadError
from support.weight_files.other_libraries import scrambled, values

IMAGES = np.random.default_rng(0).random((4, 32, 32, 1), "f4")


def lenet(activation: str = "tanh", pool: str = "Average") -> keras.Model:
    """Returns LeNet-5 as people write it with Keras, with layer names of their own."""
    layers = keras.layers
    pooling = getattr(layers, f"{pool}Pooling2D")
    return keras.Sequential(
        [
            keras.Input((32, 32, 1)),
            layers.Conv2D(6, 5, activation=activation),
            pooling(2),
            layers.Conv2D(16, 5, activation=activation),
            pooling(2),
            layers.Flatten(),
            layers.Dense(120, activation=activation),
            layers.Dropout(0.5),
            layers.Dense(84, activation=activation),
            layers.Dense(10, activation="softmax"),
        ]
    )


def saved(model: keras.Model, folder: Path, suffix: str) -> Path:
    scrambled(model)
    path = folder / f"model{suffix}"
    model.save(path)
    return path


def test_a_file_with_the_same_layers_loads_in_order(tmp_path: Path) -> None:
    ours = kerascnn.create_model("lenet5")
    activation = ours.get_layer("c1").activation.__name__
    theirs = lenet(activation)
    report = load_weights(ours, saved(theirs, tmp_path, ".h5"), match="order")
    assert not any("order" in warning for warning in report.warnings)
    assert report.fraction == 1.0
    np.testing.assert_allclose(ours(IMAGES), theirs(IMAGES), atol=1e-5)


@pytest.mark.parametrize(
    ("activation", "pool", "said"),
    [("relu", "Average", "relu"), ("tanh", "Max", "max"), ("relu", "Max", "relu")],
)
def test_other_layers_are_refused_also_in_order(
    activation: str, pool: str, said: str, tmp_path: Path
) -> None:
    ours = kerascnn.create_model("lenet5")
    before = scrambled(ours, "ours ")
    path = saved(lenet(activation, pool), tmp_path, ".h5")
    with pytest.raises(LoadError, match=said):
        load_weights(ours, path, match="order")
    assert all((values(ours)[name] == array).all() for name, array in before.items())


@pytest.mark.parametrize(
    ("layer", "setting", "value"),
    [
        ("separable3_1_dw", "strides", [1, 1]),
        ("separable2_1_dw", "dilation_rate", [2, 2]),
        ("separable3_1_dw", "padding", "same"),
        ("separable2_1_dw_act", "activation", "tanh"),
        ("conv1", "strides", [1, 1]),
    ],
)
def test_settings_that_no_shape_shows_are_refused(
    layer: str, setting: str, value: Any, tmp_path: Path
) -> None:
    """A user's copy of a network of ours, with our names and one setting changed."""
    ours = kerascnn.create_model("mobilenet_v1", width=0.25, input_shape=(64, 64, 3), classes=3)
    config = ours.get_config()
    (changed,) = (item["config"] for item in config["layers"] if item["config"]["name"] == layer)
    if setting == "activation" and "max_value" in changed:
        changed["max_value"] = None
    else:
        changed[setting] = value
    path = saved(keras.Model.from_config(config), tmp_path, ".keras")
    with pytest.raises(LoadError, match="another network"):
        load_weights(ours, path)


def test_a_file_without_a_configuration_loads_in_order_with_a_warning(tmp_path: Path) -> None:
    ours, theirs = kerascnn.create_model("lenet5"), lenet("relu", "Max")
    path = tmp_path / "weights.npz"
    np.savez(path, **{f"a{index}": a for index, a in enumerate(theirs.get_weights())})
    report = load_weights(ours, path, match="order")
    assert str(report).startswith("warning: the tensors were matched by their order")


# name in keras.applications, our row, columns, image size
WHOLE = (
    ("MobileNet", "mobilenet_v1", {}, {"alpha": 0.25}, {"width": 0.25}),
    ("MobileNetV2", "mobilenet_v2", {"padding": "same"}, {"alpha": 0.35}, {"width": 0.35}),
    pytest.param("ResNet50V2", "resnet50_v2", {}, {}, {}, marks=pytest.mark.long),
    pytest.param("NASNetMobile", "nasnet_mobile", {}, {}, {}, marks=pytest.mark.long),
)


@pytest.mark.parametrize(("name", "row", "columns", "theirs", "ours"), WHOLE)
@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_whole_models_of_keras_applications_load(
    name: str,
    row: str,
    columns: dict[str, Any],
    theirs: dict[str, Any],
    ours: dict[str, Any],
    suffix: str,
    tmp_path: Path,
) -> None:
    """Their configurations describe what our rows compute: nothing sound is refused."""
    keras.utils.clear_session()
    side = 224 if name == "NASNetMobile" else 96
    twin = getattr(keras.applications, name)(
        weights=None, input_shape=(side, side, 3), classes=7, **theirs
    )
    path = tmp_path / f"whole{suffix}"
    twin.save(path)
    model = kerascnn.create_model(row, input_shape=(side, side, 3), classes=7, **columns, **ours)
    assert load_weights(model, path).fraction == 1.0
    images = np.random.default_rng(0).random((1, side, side, 3), "f4")
    np.testing.assert_allclose(model(images), twin(images), atol=1e-5)
    assert (
        load_weights(
            kerascnn.create_model(
                row, weights=path, input_shape=(side, side, 3), classes=7, **ours
            ),
            path,
        ).fraction
        == 1.0
    )


def test_a_file_of_a_network_for_other_image_sizes_loads(tmp_path: Path) -> None:
    """Keras computes the padding for the size: one row for 96 pixels, none of it for 97."""
    keras.utils.clear_session()
    twin = keras.applications.MobileNetV2(weights=None, input_shape=(97, 97, 3), alpha=0.35)
    twin.save(tmp_path / "x.h5")
    model = kerascnn.create_model(
        "mobilenet_v2", input_shape=(96, 96, 3), padding="same", width=0.35
    )
    assert load_weights(model, tmp_path / "x.h5").fraction == 1.0


def test_an_epsilon_of_the_configuration_is_folded(tmp_path: Path) -> None:
    """A user's copy of our layers, with Keras's own epsilon of 1e-3."""
    ours = kerascnn.create_model("resnet20_cifar", width=0.5, depth=0.34)
    config = ours.get_config()
    for layer in config["layers"]:
        if layer["class_name"] == "BatchNormalization":
            layer["config"]["epsilon"] = 1e-3
    theirs = keras.Model.from_config(config)
    path = saved(theirs, tmp_path, ".keras")
    report = load_weights(ours, path)
    assert any("epsilon 0.001 -> 1e-05" in adapted.how for adapted in report.adapted)
    images = np.random.default_rng(0).random((2, 32, 32, 3), "f4")
    np.testing.assert_allclose(ours(images), theirs(images), atol=1e-5)


@pytest.mark.parametrize(
    "config",
    [
        None, [], {}, {"config": 3}, {"config": {"layers": "x"}}, {"config": [1, {"config": []}]},
        {"config": {"layers": [{"config": {"name": 3}, "class_name": "Conv2D"}]}},
        {"config": {"layers": [{"config": {"name": "a"}, "class_name": "Conv2D",
                                "inbound_nodes": [[[[["b", 0]]]], {"args": 3}]}]}},
    ],
)  # fmt: skip
def test_any_value_is_read_without_an_error(config: Any) -> None:
    assert len(graph_of_config(config)) <= 1


def test_models_inside_models_are_one_graph() -> None:
    inner = lenet()
    outer = keras.Sequential([keras.Input((32, 32, 1)), inner, keras.layers.Dense(2)])
    config = {"class_name": "Sequential", "config": outer.get_config()}
    graph = graph_of_config(config)
    dense = [name for name, node in graph.items() if node.kind == "Dense"]
    assert len(dense) == 4
    assert graph[dense[3]].inputs == (dense[2],)
