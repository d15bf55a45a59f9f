"""The models are those of keras.applications: layers, names, shapes and values."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from kerascnn import keras_applications
from support.keras_twins import (
    LARGE,
    NUMBERED,
    SMALL,
    images,
    named_outputs,
    randomize,
    side,
    twins,
)

EVERY = [*SMALL, *(pytest.param(builder, marks=pytest.mark.long) for builder in LARGE)]
# Ours has a Rescaling and an Add for each of Keras's 40 scaled sums.
SUMS = {"InceptionResNetV2": 40}
# Keras computes the gates with numbered layers.
GATED = ("MobileNetV3Small", "MobileNetV3Large")
QUICK = ("VGG16", "MobileNet", "MobileNetV2", "MobileNetV3Small")


def names(model: keras.Model, numbered: bool) -> list[str]:
    return [
        layer.name
        for layer in model.layers
        if numbered or (not NUMBERED.fullmatch(layer.name) and not layer.name.endswith("_gate"))
    ]


def assert_equal(theirs: keras.Model, ours: keras.Model) -> None:
    """Checks that models of equal shapes give equal values after every layer with a name."""
    assert [tuple(v.shape) for v in ours.weights] == [tuple(v.shape) for v in theirs.weights]
    randomize(theirs, ours)
    taps = names(theirs, numbered=False)
    assert taps == names(ours, numbered=False)
    taps.append(theirs.layers[-1].name)
    for name, expected, output in zip(
        taps, named_outputs(theirs, taps), named_outputs(ours, taps), strict=True
    ):
        scale = max(1.0, float(np.abs(expected).max()))
        np.testing.assert_allclose(output / scale, expected / scale, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("builder", EVERY)
def test_with_top(builder: str) -> None:
    size = side(builder)
    theirs, ours = twins(builder, input_shape=(size, size, 3), classes=7)
    if builder in SUMS:
        assert len(ours.layers) == len(theirs.layers) + SUMS[builder]
    elif builder not in GATED:  # the same layers in the same order, with the same numbers
        assert names(ours, numbered=True) == names(theirs, numbered=True)
    assert ours.name == theirs.name
    assert ours.output_shape == theirs.output_shape == (None, 7)
    assert ours.count_params() == theirs.count_params()
    assert_equal(theirs, ours)


@pytest.mark.parametrize(
    ("builder", "pooling"),
    [
        *((builder, pooling) for builder in QUICK for pooling in (None, "avg", "max")),
        *(
            pytest.param(builder, pooling, marks=pytest.mark.long)
            for builder in (*SMALL, *LARGE)
            for pooling in (None, "avg")
            if builder not in QUICK
        ),
    ],
)
def test_output_shape_without_top(builder: str, pooling: str | None) -> None:
    # Keras's NASNetLarge of any size leaves out layers that adjust sizes; see the document.
    shape = {"input_shape": (331, 331, 3)} if builder == "NASNetLarge" else {}
    theirs, ours = twins(builder, include_top=False, pooling=pooling, **shape)
    assert ours.input_shape == theirs.input_shape
    assert ours.output_shape == theirs.output_shape
    assert ours.layers[-1].name == theirs.layers[-1].name
    assert type(ours.layers[-1]).__name__ == type(theirs.layers[-1]).__name__


@pytest.mark.parametrize("builder", ["ResNet50V2", "MobileNetV2"])
def test_values_without_top_for_any_size(builder: str) -> None:
    theirs, ours = twins(builder, include_top=False)
    randomize(theirs, ours)
    batch = np.pad(images(ours), ((0, 0), (0, 13), (0, 7), (0, 0)))  # odd sizes
    np.testing.assert_allclose(
        ours(batch, training=False), theirs(batch, training=False), atol=1e-4
    )


@pytest.mark.parametrize(
    ("builder", "arguments"),
    [
        ("MobileNet", {"alpha": 0.3, "depth_multiplier": 2, "dropout": 0.5}),
        ("MobileNet", {"alpha": 1.5}),
        ("MobileNetV2", {"alpha": 0.35}),
        ("MobileNetV2", {"alpha": 1.3}),
        ("MobileNetV3Small", {"alpha": 0.5, "dropout_rate": 0}),
        ("MobileNetV3Small", {"minimalistic": True}),
        ("MobileNetV3Large", {"alpha": 1.25, "include_preprocessing": False}),
    ],
)
def test_other_widths(builder: str, arguments: dict[str, Any]) -> None:
    theirs, ours = twins(builder, input_shape=(64, 64, 3), classes=3, **arguments)
    assert ours.name == theirs.name
    rates = [
        [layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
        for model in (ours, theirs)
    ]
    assert rates[0] == rates[1]
    assert_equal(theirs, ours)


# What may differ: the same axis is 3 or -1.
IGNORED = ("name", "axis", "dtype")


def settings(layer: keras.Layer) -> dict[str, Any]:
    """Returns a layer's settings; a 1x1 convolution pads nothing with either padding."""
    config = {key: value for key, value in layer.get_config().items() if key not in IGNORED}
    if config.get("kernel_size") == (1, 1):
        del config["padding"]
    return config


@pytest.mark.parametrize(
    "builder", [pytest.param(each, marks=pytest.mark.long) for each in SMALL if each not in GATED]
)
def test_settings_of_the_layers(builder: str) -> None:
    size = side(builder)
    theirs, ours = twins(builder, input_shape=(size, size, 3))
    for expected, layer in zip(theirs.layers, ours.layers, strict=True):
        configs = [settings(item) for item in (expected, layer)]
        assert configs[0] == configs[1], layer.name


def test_builds_on_a_tensor() -> None:
    image = keras.Input((64, 64, 3), name="photo")
    theirs = keras.applications.ResNet50(weights=None, input_tensor=image, include_top=False)
    ours = keras_applications.ResNet50(weights=None, input_tensor=image, include_top=False)
    assert ours.inputs[0].name == theirs.inputs[0].name == "photo"
    assert ours.output_shape == theirs.output_shape


def test_activations_of_the_classifier() -> None:
    logits = keras_applications.MobileNet(
        weights=None, classes=5, input_shape=(32, 32, 3), classifier_activation=None
    )
    assert logits.layers[-1].activation is keras.activations.linear
    own = keras_applications.VGG16(
        weights=None, classes=5, input_shape=(32, 32, 3),
        classifier_activation=keras.activations.sigmoid,
    )  # fmt: skip
    assert own.layers[-1].activation is keras.activations.sigmoid


def test_a_script_of_transfer_learning() -> None:
    base = keras_applications.VGG16(weights=None, include_top=False, input_shape=(64, 64, 3))
    for layer in base.layers[:-4]:
        layer.trainable = False
    x = keras.layers.Conv2D(4, 1)(base.get_layer("block5_pool").output)
    x = keras.layers.Dropout(0.5)(keras.layers.Flatten()(x))
    model = keras.Model(base.input, keras.layers.Dense(2, activation="softmax")(x))
    assert [layer.name for layer in base.layers if layer.trainable and layer.weights] == [
        "block5_conv1", "block5_conv2", "block5_conv3",
    ]  # fmt: skip
    assert model(images(base)).shape == (2, 2)
    copied = keras.models.clone_model(base)
    assert [layer.name for layer in copied.layers[1:]] == [layer.name for layer in base.layers[1:]]
