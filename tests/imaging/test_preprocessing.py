"""Preprocessing: torchvision's crop, values, JSON and the choice for a data set."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from PIL import Image

from kerascnn.errors import MismatchError, UsageError
from kerascnn.imaging.preprocessing import Preprocessing


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (37, 53, 3), np.uint8)


def torchvision_crop(image: np.ndarray, resize: int | None, size: tuple[int, int]) -> np.ndarray:
    """torchvision's Resize(int) and CenterCrop written with Pillow's calls."""
    picture = Image.fromarray(image)
    if resize is not None:
        width, height = picture.size
        short, long = (width, height) if width <= height else (height, width)
        new_long = int(resize * long / short)
        picture = picture.resize(
            (resize, new_long) if width <= height else (new_long, resize),
            Image.Resampling.BILINEAR,
        )
    width, height = picture.size
    left_gap, top_gap = max(0, (size[1] - width) // 2), max(0, (size[0] - height) // 2)
    if size[1] > width or size[0] > height:
        canvas = Image.new(picture.mode, (max(size[1], width), max(size[0], height)))
        canvas.paste(picture, (left_gap, top_gap))
        picture = canvas
        width, height = picture.size
    top, left = round((height - size[0]) / 2.0), round((width - size[1]) / 2.0)
    return np.asarray(picture.crop((left, top, left + size[1], top + size[0])))


@pytest.mark.parametrize("shape", [(37, 53), (53, 37), (40, 40), (33, 34), (20, 90), (256, 257)])
@pytest.mark.parametrize(("resize", "size"), [(32, (28, 28)), (40, (33, 30)), (None, (25, 38))])
def test_crop_is_torchvisions(shape, resize, size):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    result = Preprocessing(size, fit="crop", resize=resize).spatial(image)
    assert np.array_equal(result, torchvision_crop(image, resize, size))


def test_crop_offsets_round_halves_to_even():
    column = np.arange(7, dtype=np.uint8)[:, None, None]
    crop = Preprocessing((4, 1), fit="crop", channels="any")
    assert crop.spatial(column)[:, 0, 0].tolist() == [2, 3, 4, 5]  # 1.5 -> 2
    assert crop.spatial(column[:5])[:, 0, 0].tolist() == [0, 1, 2, 3]  # 0.5 -> 0


def test_none_wants_the_size_already():
    same = Preprocessing((37, 53), fit="none")
    image = np.zeros((37, 53, 3), np.uint8)
    assert same.spatial(image).shape == image.shape
    with pytest.raises(MismatchError, match="37 x 53"):
        same.spatial(np.zeros((53, 37, 3), np.uint8))


def test_no_size_keeps_the_image(photo):
    assert np.array_equal(Preprocessing(None).spatial(photo), photo)


@pytest.mark.parametrize(
    "image", [np.zeros((4, 4, 3), np.int32), np.zeros(4, np.uint8), np.zeros((0, 4, 3), np.uint8)]
)
def test_what_is_no_image(image):
    with pytest.raises(MismatchError):
        Preprocessing(None).spatial(image)


IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}


def test_values_are_the_formula(photo):
    result = Preprocessing(None, **IMAGENET).values(photo)
    expected = (photo / 255.0 - IMAGENET["mean"]) / IMAGENET["std"]
    assert result.dtype == np.float32
    assert np.abs(result - expected).max() < 1e-6 * 3
    grey = Preprocessing(None, channels="grey", mean=(0.1,), std=(0.5,)).values(photo[..., :1])
    assert np.allclose(grey, (photo[..., :1] / 255.0 - 0.1) / 0.5, atol=1e-6)


def test_caffe_values(photo):
    """Keras's "caffe" mode: blue, green, red, minus the mean, no scale."""
    caffe = Preprocessing(None, channels="bgr", scale=1.0, mean=(103.939, 116.779, 123.68))
    expected = photo[..., ::-1].astype(np.float64) - [103.939, 116.779, 123.68]
    assert np.abs(caffe(photo) - expected).max() < 1e-5


def test_affine_is_what_values_do(photo):
    preprocessing = Preprocessing(None, **IMAGENET)
    scale, offset = preprocessing.affine()
    assert scale == [1 / 255 / std for std in IMAGENET["std"]]
    expected = photo.astype(np.float32) * np.float32(scale) + np.float32(offset)
    assert np.array_equal(preprocessing.values(photo), expected)
    assert Preprocessing(None).affine() == ([1 / 255] * 3, [0.0] * 3)


@pytest.mark.parametrize(
    "preprocessing",
    [
        Preprocessing((16, 16)),
        Preprocessing((16, 16), fit="pad", channels="bgr"),
        Preprocessing((37, 53), **IMAGENET),
        Preprocessing((30, 30), fit="crop", resize=33, channels="grey"),
    ],
)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_nothing_writes_into_the_callers_image(photo, preprocessing, dtype):
    image = photo.astype(dtype)
    before = image.copy()
    preprocessing(image)
    image.flags.writeable = False
    preprocessing(image)
    assert np.array_equal(image, before)


@pytest.mark.parametrize(
    "preprocessing",
    [
        Preprocessing((16, 16)),
        Preprocessing((40, 60), fit="pad"),
        Preprocessing((30, 50), fit="crop"),
        Preprocessing((30, 30), fit="crop", resize=33, channels="grey"),
        Preprocessing(None, channels="bgr"),
        Preprocessing(None),
    ],
)
def test_a_batch_is_its_images_one_by_one(preprocessing):
    batch = np.random.default_rng(0).integers(0, 256, (5, 37, 53, 3), np.uint8)
    assert np.array_equal(preprocessing(batch), np.stack([preprocessing(x) for x in batch]))


def test_leaves_tells_the_truth(photo):
    def changes(preprocessing: Preprocessing) -> bool:
        result = preprocessing.spatial(photo)
        return result.shape != photo.shape or not np.array_equal(result, photo)

    for preprocessing in (
        Preprocessing((37, 53)),
        Preprocessing((37, 53), fit="pad"),
        Preprocessing((37, 53), fit="crop", resize=37),
        Preprocessing((37, 53), fit="crop", resize=40),
        Preprocessing((37, 53), channels="bgr"),
        Preprocessing((37, 53), channels="grey"),
        Preprocessing((36, 53)),
        Preprocessing(None),
    ):
        assert preprocessing.leaves(photo.shape) is not changes(preprocessing)
    assert not Preprocessing((37, 53)).leaves((None, None, 3))


@pytest.mark.parametrize(
    "preprocessing",
    [
        Preprocessing(None),
        Preprocessing((224, 224), fit="crop", resize=256, interpolation="bicubic", **IMAGENET),
        Preprocessing((32, 32), fit="pad", channels="grey", scale=1.275 / 255, mean=(0.1,)),
        Preprocessing(
            (7, 9), channels="any", mean=tuple(math.pi * k for k in range(5)), pad_value=9
        ),
    ],
)
def test_json_round_trip_is_exact(preprocessing):
    text = json.dumps(preprocessing.to_json())
    assert Preprocessing.from_json(json.loads(text)) == preprocessing


@pytest.mark.parametrize(
    "record", [None, {}, {"size": None, "colour": "rgb"}, {"size": [3]}, [1, 2]]
)
def test_wrong_json(record):
    with pytest.raises(UsageError):
        Preprocessing.from_json(record)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"size": (0, 5)}, "size"),
        ({"size": 32}, "size"),
        ({"size": (3.0, 3)}, "size"),
        ({"fit": "stretch"}, "fit"),
        ({"fit": "crop"}, "size"),
        ({"resize": 5}, "resize"),
        ({"size": (8, 8), "fit": "crop", "resize": 0}, "resize"),
        ({"size": (8, 8), "fit": "pad", "resize": 9}, "resize"),
        ({"interpolation": "linear"}, "interpolation"),
        ({"channels": "gray"}, "channels"),
        ({"scale": 0}, "scale"),
        ({"scale": math.nan}, "scale"),
        ({"mean": (1.0, 2.0)}, "mean"),
        ({"mean": ()}, "mean"),
        ({"mean": (math.inf,)}, "mean"),
        ({"std": (0.0,)}, "std"),
        ({"std": (1.0, 1.0, 0.0)}, "std"),
        ({"channels": "any", "mean": (1.0, 2.0), "std": (1.0, 2.0, 3.0)}, "mean"),
        ({"pad_value": 256}, "pad_value"),
        ({"pad_value": 1.5}, "pad_value"),
    ],
)
def test_wrong_fields_are_named(fields, words):
    with pytest.raises(UsageError, match=words):
        Preprocessing(**{"size": None, **fields})


def test_for_data_pads_what_is_a_little_smaller():
    chosen = Preprocessing.for_data((28, 28, 1), (32, 32, 1))
    assert (chosen.size, chosen.fit, chosen.resize) == ((32, 32), "pad", 28)
    assert chosen.channels == "grey"
    for shape in ((27, 28), (8, 8), (33, 32), (100, 30), (None, None)):
        assert Preprocessing.for_data((*shape, 1), (32, 32, 1)).fit == "resize"


@pytest.mark.parametrize(
    ("data", "model", "base", "channels"),
    [(1, 3, "rgb", "rgb"), (3, 1, "rgb", "grey"), (3, 3, "bgr", "bgr"), (7, 7, "rgb", "any")],
)
def test_for_data_channels(data, model, base, channels):
    base = Preprocessing((32, 32), channels=base)
    assert Preprocessing.for_data((9, 9, data), (32, 32, model), base).channels == channels


@pytest.mark.parametrize(("data", "model"), [(7, 3), (3, 7), (2, 1)])
def test_for_data_refuses_other_channels(data, model):
    with pytest.raises(MismatchError, match=f"{data} channels"):
        Preprocessing.for_data((9, 9, data), (32, 32, model))


def test_for_data_keeps_what_the_weights_ask_for():
    base = Preprocessing((224, 224), fit="crop", resize=256, interpolation="bicubic", **IMAGENET)
    assert Preprocessing.for_data((None, None, 3), (224, 224, 3), base) == base
    half = Preprocessing.for_data((None, None, 3), (112, 112, 3), base)
    assert (half.size, half.fit, half.resize) == ((112, 112), "crop", 128)
    prepared = Preprocessing.for_data((224, 224, 3), (224, 224, 3), base)
    assert prepared.leaves((224, 224, 3))
    assert (prepared.mean, prepared.std) == (base.mean, base.std)
    enlarged = Preprocessing.for_data((8, 8, 3), (32, 32, 3), base)
    assert (enlarged.size, enlarged.resize) == ((32, 32), 32)
    grey = Preprocessing.for_data((9, 9, 3), (64, 64, 1), base)
    assert grey.mean == (pytest.approx(0.449),)
    assert grey.std == (pytest.approx(0.226),)


def test_for_data_with_an_open_input():
    assert Preprocessing.for_data((30, 40, 3), (None, None, 3)).size == (30, 40)
    with pytest.raises(MismatchError, match="differ in size"):
        Preprocessing.for_data((None, None, 3), (None, None, 3))
