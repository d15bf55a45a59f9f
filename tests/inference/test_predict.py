"""Prediction: every kind of source, order, names, and the numbers."""

from __future__ import annotations

import gc
import json
import weakref

import keras
import numpy as np
import pytest
from PIL import Image

import kerascnn
from kerascnn.errors import DamagedFileError, DataError, MismatchError, UsageError
from kerascnn.imaging.preprocessing import Preprocessing
from kerascnn.inference.image_inputs import BATCH, Prediction
from kerascnn.models.signature import forward
from support.direct_classifier import direct_model, softmax
from support.images import png

PIXELS = Preprocessing(size=(2, 2), fit="none", channels="grey", scale=1 / 255)


@pytest.fixture(scope="module")
def model():
    return direct_model((2, 2), 4)


@pytest.fixture
def distinct_pixels():
    return np.random.default_rng(1).permutation(256)[:40].reshape(10, 2, 2).astype("uint8")


def test_scores_are_the_softmax_of_logits_in_falling_order(model, distinct_pixels):
    names = ("north", "east", "south", "west")
    got = kerascnn.predict(
        model, distinct_pixels[..., None], top=3, preprocessing=PIXELS, class_names=names
    )
    assert len(got) == 10
    for place, (prediction, image) in enumerate(zip(got, distinct_pixels, strict=True)):
        expected = softmax(image, np.eye(4))
        order = np.argsort(-expected)[:3]
        assert prediction.indices == tuple(order)
        assert prediction.labels == tuple(names[index] for index in order)
        assert prediction.source == f"array[{place}]"
        np.testing.assert_allclose(prediction.scores, expected[order], rtol=1e-5)


def test_probabilities_are_left_as_they_are(distinct_pixels):
    got = kerascnn.predict(
        direct_model((2, 2), 4, "softmax"), distinct_pixels, preprocessing=PIXELS
    )
    for prediction, image in zip(got, distinct_pixels, strict=True):
        np.testing.assert_allclose(
            prediction.scores, sorted(softmax(image, np.eye(4)))[::-1], rtol=1e-5
        )
        assert prediction.labels == tuple(str(index) for index in prediction.indices)


def test_every_kind_of_source_gives_the_same(model, distinct_pixels, tmp_path):
    image = distinct_pixels[0]
    (tmp_path / "one.png").write_bytes(png(image))
    sources = [
        str(tmp_path / "one.png"),
        tmp_path / "one.png",
        png(image),
        Image.fromarray(image),
        Image.fromarray(image).convert("RGB"),
        Image.fromarray(image).convert("P"),
        image,
        image[..., None],
        image.astype("float32"),
        np.repeat(image[..., None], 3, axis=2),
    ]
    together = kerascnn.predict(model, sources, preprocessing=PIXELS)
    expected = sorted(softmax(image, np.eye(4)))[::-1]
    for source, prediction in zip(sources, together, strict=True):
        np.testing.assert_allclose(prediction.scores, expected, rtol=1e-5)
        if not (isinstance(source, np.ndarray) and source.ndim == 3 and source.shape[-1] == 4):
            alone = kerascnn.predict(model, source, preprocessing=PIXELS)
            assert [prediction.scores for prediction in alone] == [prediction.scores]
    assert together[0].source == together[1].source == str(tmp_path / "one.png")
    assert together[2].source == "bytes[2]"
    assert together[3].source == "image[3]"


def test_a_pillow_image_means_what_its_file_does(model, tmp_path):
    turned = Image.fromarray(np.array([[0, 90], [180, 255]], "uint8"))
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: to be turned clockwise
    turned.save(tmp_path / "turned.png", exif=exif)
    alpha = np.full((2, 2, 4), 60, "uint8")
    alpha[0, 0, 3] = 0
    Image.fromarray(alpha).save(tmp_path / "alpha.png")
    values = np.array([[0, 20000], [40000, 65535]], "uint16")
    Image.fromarray(values).save(tmp_path / "deep.png")
    winners = {"turned.png": 2, "alpha.png": 0, "deep.png": 3}
    for name, winner in winners.items():
        with Image.open(tmp_path / name) as image:
            pair = kerascnn.predict(model, [image, tmp_path / name], preprocessing=PIXELS)
        assert pair[0].scores == pair[1].scores
        assert pair[0].indices == pair[1].indices
        assert pair[0].source == pair[1].source == str(tmp_path / name)
        assert pair[0].indices[0] == winner, name


def test_floats_from_0_to_1_are_scaled_as_in_training_data(model, distinct_pixels):
    whole = kerascnn.predict(model, distinct_pixels, preprocessing=PIXELS)
    unit = kerascnn.predict(
        model, (distinct_pixels / 255.0).astype("float32"), preprocessing=PIXELS
    )
    for a, b in zip(whole, unit, strict=True):
        assert a.indices == b.indices
        np.testing.assert_allclose(a.scores, b.scores, rtol=1e-5)


def test_a_folder_is_read_in_sorted_order_with_its_subfolders(model, distinct_pixels, tmp_path):
    (tmp_path / "sub").mkdir()
    for name, image in zip(("b.png", "a.PNG", "sub/c.png"), distinct_pixels, strict=False):
        (tmp_path / name).write_bytes(png(image))
    (tmp_path / "notes.txt").write_text("no image")
    got = kerascnn.predict(model, tmp_path, preprocessing=PIXELS)
    assert [prediction.source for prediction in got] == [
        str(tmp_path / name) for name in ("a.PNG", "b.png", "sub/c.png")
    ]
    assert got[1].indices[0] == int(np.argmax(distinct_pixels[0]))


def test_more_images_than_a_chunk_keep_their_order(model):
    images = np.zeros((2 * BATCH + 3, 2, 2), "uint8")
    winners = np.random.default_rng(2).integers(0, 4, len(images))
    images.reshape(-1, 4)[np.arange(len(images)), winners] = 255
    got = kerascnn.predict(model, images, top=1, preprocessing=PIXELS)
    assert [prediction.indices[0] for prediction in got] == list(winners)


def test_a_run_brings_model_names_and_preprocessing_and_loads_once(distinct_pixels, tmp_path):
    config = {
        "model": {"name": "direct", "arguments": None},
        "data": {"class_names": ["n", "e", "s", "w"]},
        "preprocessing": PIXELS.to_json(),
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    direct_model((2, 2), 4).save(tmp_path / "best.keras")
    run = kerascnn.load_run(tmp_path)
    expected = kerascnn.predict(
        direct_model((2, 2), 4),
        distinct_pixels,
        preprocessing=PIXELS,
        class_names=("n", "e", "s", "w"),
    )
    assert kerascnn.predict(run, distinct_pixels) == expected
    assert kerascnn.predict(tmp_path, distinct_pixels) == expected
    assert kerascnn.predict(run, distinct_pixels, class_names="abcd")[0].labels[0] in "abcd"
    (tmp_path / "best.keras").unlink()
    assert kerascnn.predict(run, distinct_pixels) == expected


def test_nothing_in_nothing_out(model):
    assert kerascnn.predict(model, []) == []
    assert kerascnn.predict(model, np.zeros((0, 2, 2, 1), "uint8")) == []


def test_a_model_by_name_brings_its_own_preprocessing():
    keras.utils.set_random_seed(0)
    model = kerascnn.create_model("lenet5")
    image = np.random.default_rng(0).integers(0, 256, (28, 28), dtype="uint8")
    (got,) = kerascnn.predict(model, image, top=10)
    padded = np.zeros((1, 32, 32, 1), "float32")
    padded[0, 2:30, 2:30, 0] = image / 255
    expected = np.asarray(model(padded))[0]
    np.testing.assert_allclose(got.scores, np.sort(expected)[::-1], rtol=1e-4)


def test_images_of_many_sizes_into_a_model_of_any_size():
    image = keras.Input((None, None, 1), name="image")
    pooled = keras.layers.GlobalMaxPooling2D(name="features")(image)
    model = keras.Model(image, keras.layers.Dense(2, name="predictions")(pooled))
    model.set_weights([np.array([[1.0, -1.0]]), np.zeros(2)])
    images = [np.full((height, 3), value, "uint8") for height, value in ((4, 9), (4, 80), (7, 255))]
    with pytest.raises(UsageError, match=r"nothing tells .* give preprocessing="):
        kerascnn.predict(model, images)
    grey = kerascnn.Preprocessing(size=None, channels="grey")
    got = kerascnn.predict(model, images, preprocessing=grey)
    for prediction, image in zip(got, images, strict=True):
        x = image.max() / 255
        assert prediction.scores[0] == pytest.approx(1 / (1 + np.exp(-2 * x)), rel=1e-5)


def test_what_cannot_be_predicted_is_told(model, distinct_pixels, tmp_path):
    with pytest.raises(UsageError, match="top=0"):
        kerascnn.predict(model, distinct_pixels, top=0)
    with pytest.raises(MismatchError, match="3 class names for a model of 4 classes"):
        kerascnn.predict(model, distinct_pixels, preprocessing=PIXELS, class_names=["a", "b", "c"])
    with pytest.raises(DataError, match="holds no images"):
        kerascnn.predict(model, tmp_path)
    with pytest.raises(DataError, match=r"nothing\.png does not exist"):
        kerascnn.predict(model, [tmp_path / "nothing.png"])
    (tmp_path / "bad.png").write_bytes(png(distinct_pixels[0])[:40])
    with pytest.raises(DamagedFileError, match=r"bad\.png"):
        kerascnn.predict(model, tmp_path / "bad.png", preprocessing=PIXELS)
    with pytest.raises(UsageError, match="image 1 is a int"):
        kerascnn.predict(model, [distinct_pixels[0], 7], preprocessing=PIXELS)
    with pytest.raises(MismatchError, match=r"preprocessing returns an image of shape \(3, 3, 1\)"):
        kerascnn.predict(
            model, distinct_pixels, preprocessing=Preprocessing(size=(3, 3), channels="grey")
        )


def test_top_beyond_the_classes_gives_them_all(model, distinct_pixels):
    (got,) = kerascnn.predict(model, distinct_pixels[0], top=99, preprocessing=PIXELS)
    assert isinstance(got, Prediction)
    assert sorted(got.indices) == [0, 1, 2, 3]
    assert sum(got.scores) == pytest.approx(1.0, rel=1e-6)


def test_a_model_is_compiled_once_sees_new_weights_and_can_be_freed(distinct_pixels):
    model = direct_model((2, 2), 4)
    before = kerascnn.predict(model, distinct_pixels[0], preprocessing=PIXELS)
    model.set_weights([-np.eye(4)])
    after = kerascnn.predict(model, distinct_pixels[0], preprocessing=PIXELS)
    assert after[0].indices == before[0].indices[::-1]
    assert (
        forward(model).__closure__[0].cell_contents is forward(model).__closure__[0].cell_contents
    )
    gone = weakref.ref(model)
    del model
    keras.utils.clear_session()
    gc.collect()
    assert gone() is None
