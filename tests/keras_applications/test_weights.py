"""Files of weights: those of Keras, of this package and the published ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import kerascnn
from kerascnn import keras_applications
from kerascnn.errors import MismatchError
from kerascnn.keras_applications import weights
from kerascnn.models.adopted import adopted_class_names
from kerascnn.published.imagenet_classes import CLASS_NAMES
from kerascnn.weights.download.digests import Digest
from kerascnn.weights.download.fetch import DownloadError
from kerascnn.weights.name_maps import layouts
from support.keras_twins import LARGE, SMALL, images, randomize, side, twins
from support.weight_files.keras_files import write_keras2
from support.weight_files.other_libraries import scrambled

QUICK = (("MobileNet", True), ("MobileNet", False))


@pytest.mark.parametrize(
    ("builder", "include_top"),
    [
        *QUICK,
        *(
            pytest.param(builder, include_top, marks=pytest.mark.long)
            for builder in (*SMALL, *LARGE)
            for include_top in (True, False)
            if (builder, include_top) not in QUICK
        ),
    ],
)
def test_files_that_keras_saved(builder: str, include_top: bool, tmp_path: Path) -> None:
    size = side(builder)
    arguments: Any = {"include_top": include_top, "input_shape": (size, size, 3)}
    theirs, fresh = twins(builder, **arguments)
    randomize(theirs)
    batch = images(theirs)
    expected = theirs.predict(batch, verbose=0)
    scale = max(1.0, np.abs(expected).max())
    paths = [tmp_path / "m.weights.h5", tmp_path / "m.h5", tmp_path / "m.keras"]
    theirs.save_weights(paths[0])
    for path in paths[1:]:
        theirs.save(path)
    for path in paths:
        ours = getattr(keras_applications, builder)(weights=path, **arguments)
        scores = ours.predict(batch, verbose=0)
        np.testing.assert_allclose(scores / scale, expected / scale, atol=1e-5, err_msg=path.name)
    fresh.load_weights(paths[0])  # Keras's own method
    np.testing.assert_allclose(fresh.predict(batch, verbose=0) / scale, expected / scale, atol=1e-5)


@pytest.mark.parametrize(
    ("builder", "row"),
    [
        ("MobileNet", "mobilenet_v1"),
        pytest.param("ResNet50", "resnet50", marks=pytest.mark.long),
        pytest.param("NASNetMobile", "nasnet_mobile", marks=pytest.mark.long),
        pytest.param("MobileNetV3Small", "mobilenet_v3_small", marks=pytest.mark.long),
    ],
)
def test_a_file_with_our_names(builder: str, row: str, tmp_path: Path) -> None:
    columns: Any = {"padding": "same"} if row == "mobilenet_v3_small" else {}
    model = kerascnn.create_model(row, input_shape=(64, 64, 3), dropout=0, **columns)
    randomize(model)
    path = tmp_path / "m.safetensors"
    kerascnn.save_weights(model, path)
    ours = getattr(keras_applications, builder)(weights=path, input_shape=(64, 64, 3))
    batch = images(model)
    pixels = (batch + 1) * 127.5 if builder == "MobileNetV3Small" else batch
    np.testing.assert_allclose(
        ours.predict(pixels, verbose=0), model.predict(batch, verbose=0), atol=1e-5
    )


@pytest.mark.long
def test_a_file_with_running_numbers(tmp_path: Path) -> None:
    arguments: Any = {"include_top": False, "input_shape": (75, 75, 3)}
    first, _ = twins("InceptionV3", **arguments)
    second = keras.applications.InceptionV3(weights=None, **arguments)
    assert {layer.name for layer in first.layers} != {layer.name for layer in second.layers}
    randomize(first, second)
    path = tmp_path / "m.h5"
    first.save(path)  # its numbers are others than those of the next model
    ours = keras_applications.InceptionV3(weights=path, **arguments)
    batch = images(ours)
    np.testing.assert_allclose(ours(batch), second(batch), atol=1e-4)


@pytest.mark.parametrize("suffix", [".weights.h5", ".h5", ".keras"])
@pytest.mark.parametrize("stored", [True, False])
def test_the_scaling_of_efficientnet(suffix: str, stored: bool, tmp_path: Path) -> None:
    mean, variance = [1.0, 2.0, 3.0], [4.0, 5.0, 6.0]
    image = keras.Input((4, 4, 3))
    scaling = keras.layers.Normalization(mean=None, axis=-1, name="normalization_7")
    x = scaling(image) if stored else image
    model = keras.Model(image, keras.layers.Conv2D(1, 1)(x))
    if stored:
        scaling.set_weights([np.array(mean), np.array(variance), np.array(0)])
    path = tmp_path / f"m{suffix}"
    model.save_weights(path) if suffix == ".weights.h5" else model.save(path)
    layer = keras.layers.Normalization(axis=-1)
    layer.build((None, 4, 4, 3))
    weights._set_scaling(layer, path, published=False)
    if not stored:
        mean, variance = [0.485, 0.456, 0.406], [0.229**2, 0.224**2, 0.225**2]
    pixel = np.array([[[[0.5, 0.25, 1.0]]]], np.float32)
    np.testing.assert_allclose(
        layer(pixel)[0, 0, 0], (pixel[0, 0, 0] - mean) / np.sqrt(variance), rtol=1e-5
    )


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file in place of Keras's published one; its tensors have the same names."""
    model = keras.applications.MobileNet(weights=None)
    randomize(model)
    path = tmp_path / "published.h5"
    model.save(path)
    monkeypatch.setattr(weights, "locate", lambda source, row=None: path)
    return path


def test_imagenet_is_the_default(published: Path) -> None:
    model = keras_applications.MobileNet()
    expected = keras.applications.MobileNet(weights=str(published))
    batch = images(model)
    np.testing.assert_allclose(model(batch), expected(batch), atol=1e-6)
    assert adopted_class_names(model) == CLASS_NAMES
    assert model.name == "mobilenet_1.00_224"
    pixels = np.clip(np.round((batch + 1) * 127.5), 0, 255).astype(np.uint8)
    top = kerascnn.predict(model, pixels[0])[0]
    scores = model.predict(pixels[:1] / 127.5 - 1, verbose=0)[0]
    assert top.indices[0] == scores.argmax()
    assert top.scores[0] == pytest.approx(scores.max(), rel=1e-3)
    own = model.predict(model.preprocess(pixels[:1]), verbose=0)
    assert model.decode(own, top=1)[0][0][0] == CLASS_NAMES[scores.argmax()]


def test_imagenet_without_top_takes_the_same_file(published: Path) -> None:
    with pytest.warns(UserWarning, match="Weights for input shape"):
        model = keras_applications.MobileNet(include_top=False, input_shape=(64, 64, 3))
    full = keras.applications.MobileNet(weights=str(published))
    body = keras.applications.MobileNet(weights=None, include_top=False, input_shape=(64, 64, 3))
    body.set_weights(full.get_weights()[:-2])
    batch = images(model)
    np.testing.assert_allclose(model(batch), body(batch), atol=1e-4)


@pytest.mark.parametrize(
    ("builder", "arguments", "file"),
    [
        ("MobileNet", {"alpha": 0.25}, "mobilenet/mobilenet_2_5_224_tf.h5"),
        ("MobileNet", {"input_shape": (160, 160, 3)}, "mobilenet/mobilenet_1_0_160_tf.h5"),
        (
            "MobileNetV2",
            {"alpha": 1.4},
            "mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.4_224.h5",
        ),
        (
            "MobileNetV3Small",
            {"minimalistic": True},
            "mobilenet_v3/weights_mobilenet_v3_small_minimalistic_224_1.0_float.h5",
        ),
        (
            "MobileNetV3Large",
            {"alpha": 0.75},
            "mobilenet_v3/weights_mobilenet_v3_large_224_0.75_float.h5",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:`input_shape` is undefined")
def test_files_of_other_widths(
    builder: str, arguments: Any, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses = []

    def fetch(url: str, path: Path, digest: Digest) -> Path:
        addresses.append(url)
        assert bool(digest) == ("mobilenet_v3" in url)
        assert path.name == url.rpartition("/")[2]
        raise DownloadError(f"no network: {url}")

    monkeypatch.setattr(weights, "fetch", fetch)
    with pytest.raises(DownloadError):
        getattr(keras_applications, builder)(**arguments)
    assert addresses == [f"https://storage.googleapis.com/tensorflow/keras-applications/{file}"]


def test_the_published_files_are_those_of_the_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    sources = []

    def locate(source: str, row: str | None = None) -> Path:
        sources.append(source)
        raise DownloadError("no network")

    monkeypatch.setattr(weights, "locate", locate)
    for builder in ("VGG16", "ResNet50V2", "EfficientNetB0"):
        with pytest.raises(DownloadError, match="no network"):
            getattr(keras_applications, builder)()
    assert sources == ["keras/vgg16", "keras/resnet50_v2", "keras/efficientnet_b0"]


def test_a_file_of_another_network_is_refused(tmp_path: Path) -> None:
    keras.applications.MobileNetV2(weights=None, alpha=0.35).save(tmp_path / "m.h5")
    with pytest.raises(MismatchError, match=r"m\.h5") as caught:
        keras_applications.MobileNet(weights=tmp_path / "m.h5")
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match=r"classes|shape|differ"):
        keras_applications.MobileNetV2(alpha=0.35, classes=5, weights=tmp_path / "m.h5")


def test_names_of_our_rows_keep_the_epsilon_of_keras(tmp_path: Path) -> None:
    """Keras's published files have older names; our row reads them with another epsilon."""
    arguments: Any = {"input_shape": (96, 96, 3)}
    row = kerascnn.create_model("mobilenet_v2", width=0.35, padding="same", **arguments)
    written = scrambled(row)
    layers: dict[str, dict[str, np.ndarray]] = {}
    modules = layouts("mobilenet")["keras_files"](
        [layer.name for layer in row.layers if layer.weights]
    )
    for name, array in written.items():
        layer, _, variable = name.partition("/")
        layers.setdefault(modules[layer], {})[f"{modules[layer]}/{variable}"] = array
    path = write_keras2(tmp_path / "published.h5", layers)
    model = keras_applications.MobileNetV2(weights=path, alpha=0.35, **arguments)
    norm = model.get_layer("bn_Conv1")
    assert norm.epsilon == 1e-3
    np.testing.assert_allclose(norm.moving_variance, written["conv1_bn/moving_variance"], rtol=1e-5)
    np.testing.assert_array_equal(norm.gamma, written["conv1_bn/gamma"])
