"""RandAugment: the fourteen distortions of its paper, against NumPy and geometry."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PIL import Image

from kerascnn.data.augmentation.policy import generator
from kerascnn.data.augmentation.randaugment import DISTORTIONS, randaugment
from support.images import noise


def test_the_fourteen_distortions_of_the_paper():
    assert len(DISTORTIONS) == 14
    picture = Image.fromarray(noise(24, 20, 3))
    for name, distort in DISTORTIONS.items():
        got = distort(picture, 0.9)
        assert (got.size, got.mode) == (picture.size, "RGB")
        assert (got != picture) == (name != "identity"), name
        assert DISTORTIONS[name](picture.convert("L"), -0.5).mode == "L"
    for name in ("rotate", "color", "contrast", "brightness", "sharpness", "shear_x", "posterize"):
        assert DISTORTIONS[name](picture, 0.0) == picture, name


def test_distortions_are_what_they_are_called():
    pixels = noise(20, 20, 3)
    picture = Image.fromarray(pixels)
    moved = np.asarray(DISTORTIONS["translate_x"](picture, 1.0))
    assert np.array_equal(moved[:, : 20 - 9], pixels[:, 9:])  # 0.45 of 20 pixels
    assert (moved[:, 20 - 9 :] == 128).all()
    solarized = np.asarray(DISTORTIONS["solarize"](picture, 0.5))
    assert np.array_equal(solarized, np.where(pixels < 128, pixels, 255 - pixels))
    posterized = np.asarray(DISTORTIONS["posterize"](picture, 1.0))
    assert np.array_equal(posterized, pixels & 0xF0)
    bright = np.asarray(DISTORTIONS["brightness"](picture, 1.0)).astype(int)
    assert np.abs(bright - np.minimum(pixels * 1.9, 255)).max() <= 1
    turned = np.asarray(DISTORTIONS["rotate"](Image.new("L", (99, 99), 0), 1.0))
    assert (turned > 64).mean() == pytest.approx(corner_share(30), abs=0.02)


def corner_share(degrees):
    """The part of a square that the same square, turned about its centre, does not cover."""
    turn = math.radians(degrees)
    grid = (np.arange(400) + 0.5) / 400 - 0.5
    x, y = np.meshgrid(grid, grid)
    u = math.cos(turn) * x + math.sin(turn) * y
    v = math.cos(turn) * y - math.sin(turn) * x
    return float(np.mean((np.abs(u) > 0.5) | (np.abs(v) > 0.5)))


def test_so_many_distortions_are_drawn():
    picture = Image.fromarray(noise(24, 24, 3))
    assert randaugment(picture, 0, 9, generator(0, 0, 0)) is picture
    results = {randaugment(picture, 2, 9, generator(0, 0, k)).tobytes() for k in range(60)}
    assert len(results) > 40
