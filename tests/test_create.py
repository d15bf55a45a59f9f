"""What every builder shares: names, heads, refusals, saving."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import kerascnn
from kerascnn.applications import LeNet5
from kerascnn.errors import MismatchError, UsageError
from kerascnn.models.request import Provenance


def test_the_named_layers_and_the_provenance():
    model = LeNet5(classes=7, width=2.0, input_shape=(40, 40, 3))
    assert model.name == "lenet5"
    assert [model.get_layer(n).name for n in ("image", "features", "predictions")]
    assert model.output_names == ["predictions"]
    assert kerascnn.provenance(model) == Provenance(
        "lenet5", {"classes": 7, "width": 2.0, "input_shape": (40, 40, 3)}
    )
    again = kerascnn.create_model("lenet5", **kerascnn.provenance(model).arguments)
    assert again.count_params() == model.count_params()
    assert kerascnn.provenance(keras.Sequential()) is None


def test_keras_applications_positional_arguments():
    model = LeNet5(False, None, None, (32, 32, 1), "max")
    assert model.output_shape == (None, 120)


@pytest.mark.parametrize(
    ("pooling", "shape"),
    [
        (None, (None, 3, 3, 120)),
        ("avg", (None, 120)),
        ("max", (None, 120)),
        ("flatten", (None, 1080)),
    ],
)
def test_without_the_top(pooling, shape):
    model = LeNet5(include_top=False, input_shape=(40, 40, 1), pooling=pooling)
    assert model.output_shape == shape


def test_an_open_size_is_possible_without_a_flattening_head():
    model = LeNet5(include_top=False, input_shape=(None, None, 1), pooling="avg")
    assert model(np.zeros((2, 50, 33, 1), "float32")).shape == (2, 120)
    with pytest.raises(MismatchError, match="fixed height and width"):
        LeNet5(input_shape=(None, None, 1))


def test_an_input_tensor_takes_the_place_of_the_image():
    image = keras.Input((64, 64, 1), name="mine")
    half = keras.layers.AveragePooling2D(2)(image)
    model = LeNet5(input_tensor=half)
    assert model.inputs[0].name == "mine"
    assert model.output_shape == (None, 10)


def test_logits_and_probabilities_agree():
    keras.utils.set_random_seed(0)
    logits = LeNet5(classifier_activation=None)
    probabilities = LeNet5()
    probabilities.set_weights(logits.get_weights())
    x = np.random.default_rng(0).normal(size=(4, 32, 32, 1)).astype("float32")
    z = np.asarray(logits(x), "float64")
    expected = np.exp(z) / np.exp(z).sum(-1, keepdims=True)
    np.testing.assert_allclose(np.asarray(probabilities(x)), expected, rtol=1e-5)


def test_the_head_stays_float32_under_a_half_precision_policy():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        for name in ("lenet5", "lenet5_1998"):
            model = kerascnn.create_model(name)
            assert model.output.dtype == "float32"
            assert model.get_layer("c1").compute_dtype == "bfloat16"
    finally:
        keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"input_shape": (32, 32)}, r"input_shape must be \(height, width, channels\)"),
        ({"input_shape": (32, 32, None)}, "channels may not"),
        ({"input_shape": (32, 0, 1)}, "input_shape must be"),
        ({"classes": 0}, "classes must be a whole number"),
        ({"classes": 2.5}, "classes must be a whole number"),
        ({"pooling": "mean"}, "pooling must be one of"),
        ({"depth": 0}, "depth must be a number above 0"),
        ({"width": float("nan")}, "width must be a number above 0"),
        ({"kernel_size": 4}, "kernel_size must be odd"),
        ({"dropout": 1.5}, "dropout must be a number"),
        ({"stem": "big"}, "stem must be one of"),
        ({"weights": "imagenet"}, "no weights are published for lenet5"),
    ],
)
def test_refusals_say_what_is_allowed(arguments, message):
    with pytest.raises(UsageError, match=message):
        LeNet5(**arguments)


def test_preprocessing_inside_is_preprocessing_outside():
    keras.utils.set_random_seed(0)
    inside = kerascnn.create_model("lenet5_1998", include_preprocessing=True)
    outside = kerascnn.create_model("lenet5_1998")
    outside.set_weights(inside.get_weights())
    pixels = np.random.default_rng(2).integers(0, 256, (3, 32, 32, 1)).astype("float32")
    # LeCun 1998: 0 becomes -0.1 and 255 becomes 1.175.
    np.testing.assert_allclose(
        np.asarray(inside(pixels)), np.asarray(outside(pixels * 1.275 / 255 - 0.1)), atol=1e-6
    )


@pytest.mark.parametrize(("channels", "mean", "std"), [(1, 0.449, 0.226), (5, 0.449, 0.226)])
def test_preprocessing_inside_for_other_channels_than_the_rows(channels, mean, std):
    """The averages of ImageNet's means and deviations, 0.485, 0.456, 0.406 and 0.229, …."""
    model = kerascnn.create_model(
        "shufflenet_v2_x0_5",
        include_preprocessing=True,
        input_shape=(32, 32, channels),
        stem="auto",
    )
    pixels = np.random.default_rng(0).integers(0, 256, (2, 32, 32, channels)).astype("float32")
    inside = keras.Model(model.input, model.get_layer("preprocessing").output)
    assert inside.output_shape == (None, 32, 32, channels)
    np.testing.assert_allclose(inside(pixels), (pixels / 255 - mean) / std, rtol=1e-5, atol=1e-5)
    assert model(pixels).shape == (2, 1000)


@pytest.mark.parametrize("name", ["lenet5", "lenet5_1998"])
def test_saved_and_loaded_models_agree(name, tmp_path):
    model = kerascnn.create_model(name)
    x = np.random.default_rng(1).normal(size=(3, 32, 32, 1)).astype("float32")
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(np.asarray(model(x)), np.asarray(loaded(x)))
