"""Shifts, flips, rotations and zooms against an affine map in NumPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf

from kerascnn.data.augmentation.affine import DRAWS, Affine


def bilinear(image: np.ndarray, x: np.ndarray, y: np.ndarray, fill: float) -> np.ndarray:
    """Values of an image at real coordinates, with `fill` at every whole one outside."""

    def at(column: np.ndarray, row: np.ndarray) -> np.ndarray:
        height, width = image.shape[:2]
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        value = image[np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)]
        return np.where(inside[..., None], value, fill)

    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    across, down = (x - left)[..., None], (y - top)[..., None]
    upper = at(left, top) * (1 - across) + at(left + 1, top) * across
    lower = at(left, top + 1) * (1 - across) + at(left + 1, top + 1) * across
    return upper * (1 - down) + lower * down


def warped(image: np.ndarray, affine: Affine, draw: np.ndarray, fill: float) -> np.ndarray:
    """The distortion as its docstring has it: flip, zoom, rotation about the centre, then shift."""
    shifts = np.floor(draw[:2] * (2 * affine.translate + 1)) - affine.translate
    angle = math.radians((2 * draw[2] - 1) * affine.rotate)
    factor = 1 + (2 * draw[3] - 1) * affine.zoom
    mirror = -1 if affine.flip and draw[4] < 0.5 else 1
    rotation = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    forward = rotation @ np.diag([factor * mirror, factor])
    height, width = image.shape[:2]
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    y, x = np.mgrid[0:height, 0:width]
    points = np.stack([x.ravel(), y.ravel()]) - (centre + shifts)[:, None]
    source = np.linalg.inv(forward) @ points + centre[:, None]
    return bilinear(image, *source.reshape(2, height, width), fill)


@pytest.mark.parametrize(
    "affine",
    [
        Affine(translate=3),
        Affine(flip=True),
        Affine(rotate=25.0),
        Affine(zoom=0.3),
        Affine(translate=2, flip=True, rotate=15.0, zoom=0.2),
    ],
)
def test_distortion_is_the_affine_map(affine):
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (16, 12, 17, 3)).astype(np.float32)
    draws = random.random((16, DRAWS)).astype(np.float32)
    result = affine(tf.constant(images), tf.constant(draws), 77.0).numpy()
    for image, draw, got in zip(images, draws, result, strict=True):
        # A float32 coordinate of 17 is exact to 1e-6; neighbours differ by up to 255.
        assert np.abs(got - warped(image, affine, draw, 77.0)).max() < 5e-3


def test_shifts_and_flips_are_exact_and_even():
    images = np.random.default_rng(0).integers(0, 256, (4000, 7, 9, 1)).astype(np.float32)
    draws = tf.random.stateless_uniform([4000, DRAWS], seed=[1, 2])
    result = Affine(translate=2, flip=True)(tf.constant(images), draws, -1.0).numpy()
    counts: dict[tuple[int, int, int], int] = {}
    for image, got in zip(images, result, strict=True):
        padded = np.pad(image, ((2, 2), (2, 2), (0, 0)), constant_values=-1.0)
        items = [
            (down, across, mirror)
            for down in range(5)
            for across in range(5)
            for mirror in (1, -1)
            if np.array_equal(got, padded_at(padded, image, down, across, mirror))
        ]
        assert len(items) == 1
        counts[items[0]] = counts.get(items[0], 0) + 1
    # 50 equally likely cases of 4,000: 80 each, with a deviation of 9.
    assert len(counts) == 50
    assert min(counts.values()) > 40
    assert max(counts.values()) < 125


def padded_at(padded, image, down, across, mirror):
    if mirror == -1:
        padded = padded[:, ::-1]
    return padded[down : down + image.shape[0], across : across + image.shape[1]]
