"""Published weights of keras.applications, beside the text and the code of the installed Keras."""

from __future__ import annotations

import importlib
import importlib.util
import re
from pathlib import Path

import keras
import numpy as np
import pytest

from kerascnn.published.catalogue import CHECKPOINTS, published
from kerascnn.published.record import Published
from support import parity

KERAS_TEXT = "".join(
    path.read_text("utf-8")
    for path in sorted((Path(keras.__file__).parent / "src" / "applications").glob("*.py"))
)
OF_KERAS = [checkpoint for checkpoint in CHECKPOINTS if checkpoint.source == "keras"]


def test_every_row_that_keras_has_published_weights_for_is_in_the_catalogue() -> None:
    twins = {
        parity.row_of(key): twin for key, twin in parity.TWINS.items() if twin.library == "keras"
    }
    assert {checkpoint.row for checkpoint in OF_KERAS} == set(twins)
    for checkpoint in OF_KERAS:
        assert checkpoint.arguments == twins[checkpoint.row].arguments


@pytest.mark.parametrize("checkpoint", OF_KERAS, ids=lambda checkpoint: checkpoint.tag)
def test_addresses_and_digests_are_those_of_the_installed_keras(
    checkpoint: Published,
) -> None:
    assert checkpoint.md5 is None or checkpoint.md5 in KERAS_TEXT
    text = re.sub(r'"\s*f?"', "", KERAS_TEXT)  # long texts are written in pieces
    folder, _, file = checkpoint.url.rpartition("/")
    assert f"{folder}/" in text
    for end in ("_weights_tf_dim_ordering_tf_kernels.h5", "1_0_224_tf.h5", "_1.0_224.h5", ".h5"):
        file = file.removesuffix(end)
    for part in file.split("_large_" if "_large_" in file else "_small_"):
        assert part in text


@pytest.mark.parametrize(
    ("row", "module"),
    [
        ("vgg16", "vgg16"),
        ("resnet50", "resnet"),
        ("resnet50_v2", "resnet_v2"),
        ("inception_v3", "inception_v3"),
        ("inception_resnet_v2", "inception_resnet_v2"),
        ("mobilenet_v1", "mobilenet"),
        ("mobilenet_v2", "mobilenet_v2"),
        ("nasnet_large", "nasnet"),
        ("densenet121", "densenet"),
    ],
)
def test_values_are_those_of_keras_preprocess_input(row: str, module: str) -> None:
    size = published(f"keras/{row}").preprocessing.size
    assert size is not None
    image = np.random.default_rng(0).integers(0, 256, (*size, 3)).astype("uint8")
    library = importlib.import_module(f"keras.applications.{module}")
    wanted = library.preprocess_input(image.astype("float32")[np.newaxis].copy())[0]
    how = published(f"keras/{row}").preprocessing
    same_size = type(how)(**{**how.__dict__, "fit": "none", "resize": None})
    np.testing.assert_allclose(same_size(image), np.asarray(wanted), atol=2e-5)


@pytest.mark.parametrize(
    ("row", "builder"),
    [("mobilenet_v3_small", "MobileNetV3Small"), ("mobilenet_v3_large", "MobileNetV3Large")],
)
def test_values_are_those_of_the_layer_that_keras_has_in_the_network(
    row: str, builder: str
) -> None:
    network = getattr(keras.applications, builder)(weights=None, input_shape=(32, 32, 3))
    scaling = network.layers[1]
    assert isinstance(scaling, keras.layers.Rescaling)
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype("float32")
    wanted = pixels * scaling.scale + scaling.offset
    how = published(f"keras/{row}").preprocessing
    np.testing.assert_allclose(how.values(pixels), wanted, atol=1e-6)


def test_values_of_efficientnet_are_those_of_its_layers_and_its_files() -> None:
    """Its file holds ImageNet's deviation where the layer looks for a variance.

    github.com/tensorflow/tensorflow/issues/49930; a second layer divides by the root again.
    """
    module = importlib.import_module("keras.src.applications.efficientnet")
    mean, stored = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    network = module.EfficientNetB0(weights=None, input_shape=(32, 32, 3))
    first, normalization = network.layers[1:3]
    assert isinstance(normalization, keras.layers.Normalization)
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype("float32")
    wanted = (pixels * first.scale + first.offset - mean) / np.sqrt(stored)
    wanted = wanted / np.sqrt(module.IMAGENET_STDDEV_RGB)
    for number in range(8):
        how = published(f"keras/efficientnet_b{number}").preprocessing
        np.testing.assert_allclose(how.values(pixels), wanted, atol=1e-5)
