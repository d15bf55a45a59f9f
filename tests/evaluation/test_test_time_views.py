"""Crops, reflections and sizes against index arithmetic and networks applied by hand."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from PIL import Image

import kerascnn
from kerascnn.data.sources.dataset import Data, Split
from kerascnn.errors import MismatchError, UsageError
from kerascnn.evaluation.test_time_views import (
    TEN_CROP,
    Views,
    answers,
    look_with,
    raw_images,
)
from kerascnn.imaging.preprocessing import Preprocessing
from kerascnn.inference.open_classifier import open_classifier
from kerascnn.models.fully_convolutional import fully_convolutional
from support.reference.activations import softmax

CROP = Preprocessing(size=(4, 4), fit="crop", resize=6, channels="grey", scale=0.01)


def network(classes=3, size=(4, 4), head="dense"):
    image = keras.Input((*size, 1), name="image")
    x = keras.layers.Conv2D(5, 3, padding="valid", activation="relu", name="conv")(image)
    x = keras.layers.Identity(name="features")(x)
    if head == "dense":
        x = keras.layers.Flatten(name="flatten")(x)
        x = keras.layers.Dense(6, activation="relu", name="fc")(x)
        x = keras.layers.Dropout(0.5, name="drop")(x)
    elif head == "average":
        x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    else:
        x = keras.layers.Reshape((20,), name="reshape")(x)
    x = keras.layers.Dense(classes, activation="softmax", name="predictions")(x)
    return keras.Model(image, x, name="small")


def data_of(images, labels, classes=3):
    split = Split(images, np.asarray(labels))
    return Data("toy", split, split, tuple("abc"[:classes]), (None, None, 1), "0" * 64, "by hand")


def draw(shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def test_ten_crops_are_corners_centre_and_reflections():
    image = draw((6, 6, 1))  # the shorter side is 6 already: nothing is resized
    look = look_with(open_classifier(network()), CROP, TEN_CROP)
    views = look(image)
    places = [(0, 0), (0, 2), (2, 0), (2, 2), (1, 1)]
    five = [image[top : top + 4, left : left + 4] for top, left in places]
    assert len(views) == 10
    for got, wanted in zip(views, [*five, *(array[:, ::-1] for array in five)], strict=True):
        np.testing.assert_array_equal(got, wanted)


def test_alexnet_s_crops_are_of_the_centre_square():
    preprocessing = Preprocessing(size=(224, 224), fit="crop", resize=256, channels="rgb")
    image = draw((512, 1024, 3))
    views = look_with(open_classifier(network()), preprocessing, TEN_CROP)(image)
    small = np.asarray(Image.fromarray(image).resize((512, 256), Image.Resampling.BILINEAR))
    square = small[:, 128:384]
    np.testing.assert_array_equal(views[0], square[:224, :224])
    np.testing.assert_array_equal(views[3], square[32:, 32:])
    np.testing.assert_array_equal(views[4], square[16:240, 16:240])
    np.testing.assert_array_equal(views[8], square[32:, 32:][:, ::-1])


def test_without_a_margin_the_image_is_made_larger_by_alexnet_s():
    preprocessing = Preprocessing(size=(28, 28), fit="resize", channels="grey")
    image = draw((28, 28, 1))
    views = look_with(open_classifier(network()), preprocessing, Views(crops=5))(image)
    large = Image.fromarray(image[..., 0]).resize((32, 32), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(views[4][..., 0], np.asarray(large)[2:30, 2:30])
    assert [view.shape for view in views] == [(28, 28, 1)] * 5


def test_the_answers_to_ten_crops_are_averaged():
    model, images = network(), draw((7, 6, 6, 1))
    labels = np.arange(7) % 3
    got = kerascnn.evaluate(
        model, data_of(images, labels), preprocessing=CROP, views=TEN_CROP, batch_size=3
    )
    crops = [
        part[:, :, ::flip]
        for flip in (1, -1)
        for part in (
            images[:, :4, :4], images[:, :4, 2:], images[:, 2:, :4], images[:, 2:, 2:],
            images[:, 1:5, 1:5],
        )
    ]  # fmt: skip
    mean = np.mean([np.asarray(model(crop * np.float32(0.01))) for crop in crops], axis=0)
    assert got["loss"] == pytest.approx(-np.log(mean[np.arange(7), labels]).mean(), rel=1e-5)
    assert got["accuracy"] == np.mean(mean.argmax(axis=1) == labels)
    assert got["count"] == 7


def test_a_dense_head_becomes_convolutions():
    """Its scores are those of the network at every place, averaged before the softmax."""
    model = network()
    wide = fully_convolutional(model)
    image = draw((1, 7, 9, 1)).astype("float32")
    before = keras.Model(model.input, model.get_layer("drop").output)
    kernel, bias = model.get_layer("predictions").get_weights()
    places = [
        np.asarray(before(image[:, top : top + 4, left : left + 4])) @ kernel + bias
        for top in range(4)
        for left in range(6)
    ]
    np.testing.assert_allclose(
        np.asarray(wide(image)), np.mean(places, axis=0), rtol=1e-4, atol=1e-2
    )


def test_a_network_of_the_registry_is_seen_whole():
    model = kerascnn.create_model("resnet18", width=0.125, depth=0.5, input_shape=(32, 32, 3),
                                  classes=3)  # fmt: skip
    widened = fully_convolutional(model)
    wide = kerascnn.create_model("resnet18", width=0.125, depth=0.5, input_shape=(None, None, 3),
                                 classes=3, classifier_activation=None)  # fmt: skip
    wide.set_weights(model.get_weights())
    image = np.random.default_rng(0).normal(size=(2, 48, 40, 3)).astype("float32")
    np.testing.assert_allclose(np.asarray(widened(image)), np.asarray(wide(image)), atol=1e-4)


def test_whole_images_of_different_sizes_and_scales():
    model = network(head="average")
    images = [draw((8, 12), 1), draw((10, 5), 2), draw((8, 12), 3)]
    views = Views(scales=(6, 9), flip=True)
    preprocessing = Preprocessing(size=(4, 4), channels="grey", scale=0.01)
    rows, labels = zip(
        *answers(open_classifier(model), data_of(images, [0, 1, 2]).test, preprocessing, views, 2),
        strict=True,
    )
    assert [len(row) for row in rows] == [2, 1]
    np.testing.assert_array_equal(np.concatenate(labels), [0, 1, 2])
    conv, head = model.get_layer("conv"), model.get_layer("predictions").get_weights()
    for image, got in zip(images, np.concatenate(rows), strict=True):
        shown = []
        for scale in (6, 9):
            height, width = image.shape
            size = (int(scale * width / height), scale) if height <= width else (
                scale, int(scale * height / width))  # fmt: skip
            small = Image.fromarray(image).resize(size, Image.Resampling.BILINEAR)
            pixels = np.asarray(small, "float32")[None, ..., None] * np.float32(0.01)
            for view in (pixels, pixels[:, :, ::-1]):
                shown.append(softmax(np.asarray(conv(view)).mean((1, 2)) @ head[0] + head[1])[0])
        np.testing.assert_allclose(np.exp(got), np.mean(shown, axis=0), rtol=1e-4)


def test_a_network_that_cannot_be_widened_gets_crops():
    model = network(head="reshape")  # of a fixed size, and no dense head that could be converted
    assert fully_convolutional(model) is None
    images = draw((3, 8, 8, 1))
    split = data_of(images, [0, 1, 2]).test
    items = [
        np.concatenate([row for row, _ in answers(open_classifier(model), split, CROP, views, 8)])
        for views in (Views(scales=(6,)), Views(scales=(6,), crops=5))
    ]
    np.testing.assert_array_equal(*items)


def test_views_that_cannot_be_are_refused():
    for wrong in ({"crops": 3}, {"scales": (0,)}, {"scales": (256, 256)}, {"scales": [256]}):
        with pytest.raises(UsageError, match=next(iter(wrong))):
            Views(**wrong)
    classifier = open_classifier(network())
    with pytest.raises(MismatchError, match="do not fit into scale 3"):
        look_with(classifier, CROP, Views(crops=5, scales=(3, 9)))
    with pytest.raises(UsageError, match="crops need a preprocessing with a size"):
        look_with(classifier, Preprocessing(size=None, channels="grey"), TEN_CROP)
    assert str(Views(crops=5, flip=True, scales=(6, 9))) == "5 crops and sizes 6, 9 and reflections"


def test_raw_images_of_every_kind_of_split(tmp_path):
    import tensorflow as tf

    images, labels = draw((5, 4, 4, 1)), np.arange(5)
    for dataset in (
        tf.data.Dataset.from_tensor_slices((images, labels)),
        tf.data.Dataset.from_tensor_slices((images, labels)).batch(2),
    ):
        result = list(raw_images(Split(dataset, labels)))
        np.testing.assert_array_equal([image for image, _ in result], images)
        assert [int(label) for _, label in result] == labels.tolist()
