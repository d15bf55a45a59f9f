"""Resizing, padding and channels of images against Pillow and arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from kerascnn.errors import MismatchError
from kerascnn.imaging.preprocessing import Preprocessing

FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (37, 53, 3), np.uint8)


@pytest.mark.parametrize("name", FILTERS)
def test_resize_is_pillows(photo, name):
    result = Preprocessing((20, 31), interpolation=name).spatial(photo)
    expected = np.asarray(Image.fromarray(photo).resize((31, 20), FILTERS[name]))
    assert np.array_equal(result, expected)


def test_shrinking_is_antialiased():
    stripes = np.zeros((8, 8, 1), np.uint8)
    stripes[:, ::2] = 254
    result = Preprocessing((2, 2), channels="grey").spatial(stripes)
    assert np.abs(result.astype(int) - 127).max() <= 16  # without a filter: 0 or 254


def test_pad_centres_the_digit_as_lecun_did():
    digit = np.random.default_rng(0).integers(1, 256, (28, 28, 1), np.uint8)
    result = Preprocessing((32, 32), fit="pad", resize=28, channels="grey").spatial(digit)
    assert np.array_equal(result, np.pad(digit, ((2, 2), (2, 2), (0, 0))))


def test_pad_brings_any_image_to_the_training_images_size():
    wide = np.full((140, 280, 1), 200, np.uint8)
    pad = Preprocessing((32, 32), fit="pad", resize=28, channels="grey", pad_value=7)
    result = pad.spatial(wide)[..., 0]
    assert (result[9:23, 2:30] == 200).all()
    result = result.copy()
    result[9:23, 2:30] = 7
    assert (result == 7).all()


def test_pad_without_resize_only_shrinks():
    pad = Preprocessing((10, 20), fit="pad", channels="grey")
    small = pad.spatial(np.full((4, 5, 1), 9, np.uint8))
    assert (small[3:7, 7:12] == 9).all()
    assert small.sum() == 9 * 20
    assert (pad.spatial(np.full((40, 20, 1), 9, np.uint8))[..., 0] == 9).sum() == 10 * 5


def test_channels(photo):
    grey = np.asarray(Image.fromarray(photo).convert("L"))
    assert np.array_equal(Preprocessing(None, channels="grey").spatial(photo)[..., 0], grey)
    assert np.array_equal(Preprocessing(None, channels="bgr").spatial(photo), photo[..., [2, 1, 0]])
    for channels in ("rgb", "bgr"):
        three = Preprocessing(None, channels=channels).spatial(grey)
        assert np.array_equal(three, np.stack([grey] * 3, axis=-1))
    many = np.zeros((5, 6, 7), np.uint8)
    assert Preprocessing((3, 4), channels="any").spatial(many).shape == (3, 4, 7)
    with pytest.raises(MismatchError, match="7 channels"):
        Preprocessing(None).spatial(many)


def test_image_without_channel_axis_gets_one():
    assert Preprocessing((32, 32), channels="grey").spatial(np.zeros((28, 28), np.uint8)).shape == (
        32,
        32,
        1,
    )


def test_float_images_are_resized_without_rounding():
    image = np.random.default_rng(0).random((9, 11, 3)).astype(np.float32)
    result = Preprocessing((5, 4)).spatial(image)
    for channel in range(3):
        plane = Image.fromarray(image[..., channel])
        expected = np.asarray(plane.resize((4, 5), Image.Resampling.BILINEAR))
        assert np.array_equal(result[..., channel], expected)
    assert result.dtype == np.float32
    grey = Preprocessing(None, channels="grey").spatial(image)[..., 0]
    assert np.allclose(grey, image @ np.float32([0.299, 0.587, 0.114]), atol=1e-6)
