"""`preprocess` and `decode` of builders and models."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from PIL import Image

import kerascnn
from kerascnn.applications import AlphaGoPolicy, LeNet5, ResNet50, ResNet50V1_5
from kerascnn.errors import DataError, MismatchError, UsageError
from kerascnn.models.adopted import adopt, adopted_class_names
from kerascnn.models.auxiliary import main_model
from kerascnn.models.registry import list_models, model_info
from kerascnn.published.catalogue import checkpoints, published
from kerascnn.published.imagenet_classes import CLASS_NAMES
from support.trainings import googlenet_with_heads


def photographs(count=2, size=(300, 260)):
    return np.random.default_rng(0).integers(0, 256, (count, *size, 3), dtype=np.uint8)


@pytest.mark.parametrize("row", list_models())
def test_every_builder_makes_its_own_input(row):
    variant = model_info(row)
    height, width, channels = variant.input_shape
    images = np.zeros((1, height, width, channels), np.uint8)
    inputs = variant.preprocess(images)
    assert inputs.shape == images.shape
    assert inputs.dtype == np.float32


def test_a_builder_prepares_images_as_its_published_weights_need_them():
    # ResNet50's of keras.applications: BGR minus these means, mode "caffe" of that library.
    image = np.empty((1, 224, 224, 3), np.uint8)
    image[...] = (10, 20, 30)
    np.testing.assert_allclose(
        ResNet50.preprocess(image)[0, 0, 0], [30 - 103.939, 20 - 116.779, 10 - 123.68], rtol=1e-5
    )
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    expected = [(v / 255 - m) / s for v, m, s in zip((10, 20, 30), mean, std, strict=True)]
    np.testing.assert_allclose(
        ResNet50.preprocess(image, weights=None)[0, 0, 0], expected, rtol=1e-5
    )
    np.testing.assert_allclose(
        ResNet50V1_5.preprocess(image, weights="torchvision/resnet50.v1")[0, 0, 0],
        expected,
        rtol=1e-5,
    )
    with pytest.raises(MismatchError, match="keras/resnet50 is of resnet50, and this is lenet5"):
        LeNet5.preprocess(image, weights="keras/resnet50")
    with pytest.raises(UsageError, match="no published weights are called"):
        ResNet50.preprocess(image, weights="keras/resnet5")


def test_images_of_every_kind_give_the_same_input(tmp_path):
    first, second = photographs()
    Image.fromarray(first).save(tmp_path / "a.png")
    Image.fromarray(second).save(tmp_path / "b.png")
    batch = ResNet50.preprocess(np.stack([first, second]))
    assert batch.shape == (2, 224, 224, 3)
    for images in (
        [first, second],
        [tmp_path / "a.png", str(tmp_path / "b.png")],
        [(tmp_path / "a.png").read_bytes(), Image.open(tmp_path / "b.png")],
        tmp_path,
        np.stack([first, second]).astype("float32"),
        keras.ops.convert_to_tensor(np.stack([first, second])),
    ):
        np.testing.assert_allclose(ResNet50.preprocess(images), batch, atol=1)
    np.testing.assert_array_equal(ResNet50.preprocess(tmp_path / "a.png"), batch[:1])
    np.testing.assert_array_equal(ResNet50.preprocess(first), batch[:1])


def test_images_of_different_sizes_become_one_batch():
    images = [photographs(1)[0], photographs(1, (64, 90))[0]]
    assert ResNet50.preprocess(images).shape == (2, 224, 224, 3)
    anything = kerascnn.create_model(
        "resnet18", include_top=False, input_shape=(None, None, 3), width=0.125
    )
    assert anything.preprocess(images[:1]).shape == (1, 300, 260, 3)
    with pytest.raises(MismatchError, match="64 x 90 and 300 x 260 pixels"):
        anything.preprocess(images)


def test_refusals():
    with pytest.raises(DataError, match="move the channels to the end"):
        ResNet50.preprocess(np.zeros((2, 3, 64, 64), np.uint8))
    with pytest.raises(MismatchError, match="there is no image"):
        ResNet50.preprocess([])
    with pytest.raises(MismatchError, match="only 1 and 3 can be converted"):
        AlphaGoPolicy.preprocess(photographs())
    assert AlphaGoPolicy.preprocess(np.zeros((19, 19, 48), np.uint8)).shape == (1, 19, 19, 48)


def test_a_builder_names_the_classes_of_its_published_weights():
    scores = np.eye(1000)[[3, 999]]
    named = ResNet50.decode(scores, top=2)
    assert named[0][0] == (CLASS_NAMES[3], 1.0) == ("tiger shark", 1.0)
    assert named[1][0][0] == CLASS_NAMES[999]
    assert [len(row) for row in named] == [2, 2]
    assert ResNet50.decode(scores, weights=None)[0][0] == ("3", 1.0)
    assert LeNet5.decode(np.eye(10)[[7]], top=1) == [[("7", 1.0)]]  # no published weights
    assert ResNet50.decode(np.eye(10)[[7]], top=1) == [[("7", 1.0)]]  # other classes
    assert len(ResNet50.decode(scores)[0]) == 5
    for wrong in (np.zeros(1000), np.zeros((1, 2, 1000)), 3.0):
        with pytest.raises(MismatchError, match=r"must be \(images, "):
            ResNet50.decode(wrong)


@pytest.mark.parametrize("row", ["vgg16", "googlenet_bn", "inception_v3"])
def test_the_default_is_the_first_of_the_published_weights(row):
    variant, image = model_info(row), photographs(1)
    assert checkpoints(row)[0].tag == published("imagenet", row).tag == variant.weights[0]
    np.testing.assert_array_equal(
        variant.preprocess(image), variant.preprocess(image, weights=variant.weights[0])
    )


@pytest.mark.parametrize("activation", ["softmax", "sigmoid", None])
def test_a_model_agrees_with_predict(activation):
    model = kerascnn.create_model("lenet5", classes=3, classifier_activation=activation)
    images = photographs(3)
    outputs = model.predict(model.preprocess(images), verbose=0)
    named = model.decode(outputs, top=2)
    for row, prediction in zip(named, kerascnn.predict(model, images, top=2), strict=True):
        assert tuple(name for name, _ in row) == prediction.labels
        np.testing.assert_allclose([score for _, score in row], prediction.scores, rtol=1e-4)
    if activation is None:  # what a softmax of the user's own makes of them stays
        again = model.decode(keras.ops.softmax(outputs), top=2)
        assert [[name for name, _ in row] for row in again] == [
            [name for name, _ in row] for row in named
        ]
        np.testing.assert_allclose(again[0][0][1], named[0][0][1], rtol=1e-5)


def test_a_model_uses_what_belongs_to_its_weights(tmp_path):
    model = kerascnn.create_model("resnet50", width=0.125, classes=4, input_shape=(64, 64, 3))
    row_input = model.preprocess(photographs())
    adopt(model, published("keras/resnet50").preprocessing, ["a", "b", "c", "d"])
    assert not np.allclose(model.preprocess(photographs()), row_input)
    assert model.decode(np.eye(4)[[2]], top=1) == [[("c", 1.0)]]
    path = kerascnn.save_weights(model, tmp_path / "x.npz")
    again = kerascnn.load_model(path)
    np.testing.assert_array_equal(again.preprocess(photographs()), model.preprocess(photographs()))
    assert again.decode(np.eye(4)[[2]], top=1) == [[("c", 1.0)]]


def test_a_thousand_classes_alone_do_not_make_imagenet():
    model = kerascnn.create_model("mobilenet_v1", width=0.25, input_shape=(64, 64, 3))
    assert model.decode(np.eye(1000)[[3]], top=1) == [[("3", 1.0)]]


def test_a_model_that_scales_pixels_itself_gets_pixels():
    model = kerascnn.create_model("lenet5", include_preprocessing=True)
    image = np.full((1, 32, 32, 1), 200, np.uint8)
    assert model.preprocess(image).max() == 200


def test_auxiliary_outputs_are_left_out():
    model = googlenet_with_heads()
    adopt(model, class_names=["a", "b", "c"])
    outputs = model(np.zeros((1, 64, 64, 3), "float32"))
    named = model.decode(outputs, top=3)
    expected = kerascnn.decode_predictions(outputs["predictions"], "abc", top=3)
    assert named == expected
    assert adopted_class_names(main_model(model)) == ("a", "b", "c")


def test_a_model_without_a_classifier_has_no_classes():
    model = kerascnn.create_model("lenet5", include_top=False)
    with pytest.raises(MismatchError, match="include_top=True"):
        model.decode(np.zeros((1, 10)))
    model = kerascnn.create_model("lenet5")
    with pytest.raises(MismatchError, match=r"they must be \(images, 10\)"):
        model.decode(np.zeros((1, 9)))


def test_a_model_with_the_methods_can_be_saved_and_copied(tmp_path):
    model = kerascnn.create_model("lenet5")
    model.save(tmp_path / "x.keras")
    model.save_weights(tmp_path / "x.weights.h5")
    model.export(tmp_path / "saved", verbose=False)
    assert keras.models.load_model(tmp_path / "x.keras").count_params() == 61_706
    assert keras.models.clone_model(model).count_params() == 61_706
