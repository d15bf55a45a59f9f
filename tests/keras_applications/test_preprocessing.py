"""`preprocess_input` and `decode_predictions` give what keras.applications gives."""

from __future__ import annotations

import hashlib
import importlib
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow_datasets

from kerascnn.keras_applications import imagenet_utils, vgg16
from kerascnn.keras_applications.modules import contents, further_rows
from kerascnn.keras_applications.preprocessing import keras_name
from kerascnn.models.registry import model_info
from kerascnn.published.imagenet_synsets import SYNSETS

MODULES = [name for name in contents() if name and name not in further_rows()]
PIXELS = np.random.default_rng(0).uniform(0, 255, (2, 5, 4, 3)).astype(np.float32)
# The digest of the index that keras.applications downloads.
INDEX_MD5 = "c2c37ea517e94d9795004a39431a14cb"


def of(name: str) -> tuple[Any, Any]:
    """Returns Keras's submodule and ours."""
    return (
        getattr(keras.applications, name),
        importlib.import_module(f"kerascnn.keras_applications.{name}"),
    )


@pytest.mark.parametrize("name", MODULES)
def test_values(name: str) -> None:
    theirs, ours = of(name)
    for pixels in (PIXELS, PIXELS[0], PIXELS.astype(np.uint8)):
        before = pixels.copy()
        np.testing.assert_allclose(
            ours.preprocess_input(pixels), theirs.preprocess_input(before.copy()), atol=1e-5
        )
        np.testing.assert_array_equal(pixels, before)  # Keras writes into arrays of floats
    tensor = keras.ops.convert_to_tensor(PIXELS)
    np.testing.assert_allclose(
        ours.preprocess_input(tensor), theirs.preprocess_input(tensor), atol=1e-5
    )


@pytest.mark.parametrize("mode", ["caffe", "tf", "torch"])
def test_channels_first(mode: str) -> None:
    first = PIXELS.transpose(0, 3, 1, 2)
    result = imagenet_utils.preprocess_input(first, "channels_first", mode)
    expected = imagenet_utils.preprocess_input(PIXELS, "channels_last", mode)
    np.testing.assert_allclose(result.transpose(0, 2, 3, 1), expected, atol=1e-5)


def test_in_a_model() -> None:
    image = keras.Input((5, 4, 3))
    model = keras.Model(image, vgg16.preprocess_input(image))
    np.testing.assert_allclose(model(PIXELS), vgg16.preprocess_input(PIXELS), atol=1e-4)


def test_unknown_arguments() -> None:
    with pytest.raises(ValueError, match="mode"):
        imagenet_utils.preprocess_input(PIXELS, mode="pytorch")
    with pytest.raises(ValueError, match="data_format"):
        vgg16.preprocess_input(PIXELS, data_format="last")
    with pytest.raises(ValueError, match="data_format"):
        contents()["resnet18"]["preprocess_input"](PIXELS, data_format="last")


@pytest.mark.parametrize("row", ["resnet18", "alexnet", "googlenet", "lenet5"])
def test_values_of_other_rows(row: str) -> None:
    channels = model_info(row).input_shape[2]
    pixels = PIXELS[..., :channels]
    preprocess = contents()[row]["preprocess_input"]
    expected = model_info(row).preprocessing.values(pixels)
    np.testing.assert_allclose(preprocess(pixels), expected, atol=1e-5)
    first = preprocess(pixels.transpose(0, 3, 1, 2), "channels_first")
    np.testing.assert_allclose(first.transpose(0, 2, 3, 1), expected, atol=1e-5)


def test_names_are_those_that_keras_downloads() -> None:
    index = {str(number): [synset, keras_name(number)] for number, synset in enumerate(SYNSETS)}
    assert hashlib.md5(json.dumps(index).encode(), usedforsecurity=False).hexdigest() == INDEX_MD5


def test_synsets_are_those_of_tensorflow_datasets() -> None:
    folder = Path(tensorflow_datasets.__file__).parent / "datasets" / "imagenet2012"
    assert tuple((folder / "labels.txt").read_text("utf-8").split()) == SYNSETS


def test_decode_predictions() -> None:
    scores = np.full((2, 1000), 1e-4, np.float32)
    scores[0, 386], scores[0, 101] = 0.7, 0.2
    scores[1, 0] = 0.9
    first, second = vgg16.decode_predictions(scores, top=2)
    assert [entry[:2] for entry in first] == [
        ("n02504458", "African_elephant"),
        ("n01871265", "tusker"),
    ]
    assert second[0][:2] == ("n01440764", "tench")
    np.testing.assert_allclose([first[0][2], first[1][2], second[0][2]], [0.7, 0.2, 0.9], rtol=1e-6)
    assert len(vgg16.decode_predictions(keras.ops.convert_to_tensor(scores))[0]) == 5


@pytest.mark.parametrize("shape", [(1000,), (2, 10), (1, 2, 1000)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="2D array of shape"):
        vgg16.decode_predictions(np.zeros(shape))
