"""The errors of keras.applications: the same calls fail with a ValueError, here and there."""

from __future__ import annotations

import warnings
from typing import Any

import keras
import pytest

from kerascnn import keras_applications
from kerascnn.errors import UsageError
from support.keras_twins import LARGE, SMALL

FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"weights": "image_net"}, "`weights` argument should be either"),
    ({"weights": "imagenet", "classes": 10}, "`classes` should be 1000"),
    ({"weights": "imagenet", "include_top": False, "input_shape": (64, 64, 1)}, "3 channels"),
    ({"weights": None, "input_shape": (64, 64)}, "tuple of three integers"),
    ({"weights": None, "input_shape": (20, 64, 3)}, "must be at least"),
    ({"weights": "imagenet", "classifier_activation": "sigmoid"}, "`None` and `softmax`"),
    ({"weights": None, "input_tensor": 3}, "not a Keras tensor"),
]


@pytest.mark.parametrize(
    ("builder", "arguments", "message"),
    [
        (builder, arguments, message)
        for builder in (*SMALL, *LARGE)
        for arguments, message in FAULTS
        # MobileNetV3 takes the channels of the image, as in Keras.
        if message != "3 channels" or not builder.startswith("MobileNetV3")
    ],
)
def test_faults(builder: str, arguments: dict[str, Any], message: str) -> None:
    with warnings.catch_warnings(), pytest.raises(UsageError, match=message) as caught:
        warnings.simplefilter("ignore")
        getattr(keras_applications, builder)(**arguments)
    assert isinstance(caught.value, ValueError)
    assert "\n" not in str(caught.value)


# Keras checks the activation only after it has built the network, and fails with another error for
# a tensor of another library.
@pytest.mark.parametrize("arguments", [arguments for arguments, _ in FAULTS[:5]])
@pytest.mark.parametrize("builder", ["VGG16", "DenseNet121", "MobileNetV2", "NASNetMobile"])
def test_keras_refuses_the_same_calls(builder: str, arguments: dict[str, Any]) -> None:
    with warnings.catch_warnings(), pytest.raises(ValueError, match=r"."):
        warnings.simplefilter("ignore")
        getattr(keras.applications, builder)(**arguments)


@pytest.mark.parametrize(
    ("builder", "arguments", "message"),
    [
        ("ResNet50", {"input_shape": (160, 160, 3)}, r"should be \(224, 224, 3\)"),
        ("InceptionV3", {"weights": None, "input_shape": (74, 80, 3)}, "at least 75x75"),
        ("VGG16", {"weights": None, "input_shape": (None, None, 3)}, "static `input_shape`"),
        ("NASNetMobile", {"input_shape": (None, None, 3), "include_top": False}, "static"),
        ("MobileNet", {"alpha": 0.4}, "alpha can be one of 0.25, 0.5, 0.75, 1.0 only"),
        ("MobileNet", {"depth_multiplier": 2}, "depth multiplier must be 1"),
        ("MobileNetV2", {"alpha": 0.4}, "1.3, 1.4 only"),
        ("MobileNetV3Large", {"alpha": 0.75, "minimalistic": True}, "one of 1.0 only"),
    ],
)
def test_faults_of_single_networks(builder: str, arguments: dict[str, Any], message: str) -> None:
    with warnings.catch_warnings(), pytest.raises(ValueError, match=message):
        warnings.simplefilter("ignore")
        getattr(keras_applications, builder)(**arguments)
    with warnings.catch_warnings(), pytest.raises(ValueError, match=r"."):
        warnings.simplefilter("ignore")
        getattr(keras.applications, builder)(**arguments)


def test_tensor_of_another_size() -> None:
    image = keras.Input((64, 64, 3))
    with pytest.raises(ValueError, match=r"input_tensor.shape\[2\] must equal"):
        keras_applications.MobileNetV2(weights=None, input_tensor=image, input_shape=(96, 96, 3))


def test_channels_first_is_refused() -> None:
    keras.config.set_image_data_format("channels_first")
    try:
        with pytest.raises(UsageError, match="channels_last"):
            keras_applications.VGG16(weights=None)
    finally:
        keras.config.set_image_data_format("channels_last")


def test_unusual_channels_are_a_warning() -> None:
    with pytest.warns(UserWarning, match="1 or 3 input channels"):
        model = keras_applications.VGG16(weights=None, include_top=False, input_shape=(32, 32, 5))
    assert model.input_shape == (None, 32, 32, 5)
