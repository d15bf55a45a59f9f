"""Thumbnails are small, and show what the images do."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from kerascnn.reports.thumbnails import SIDE, thumbnail


def test_thumbnails_are_small_and_true():
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (28, 20, 3)).astype(np.uint8)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(thumbnail(small)))), small)
    large = Image.open(io.BytesIO(thumbnail(np.full((300, 1200, 3), 99.6, "float32"))))
    assert (large.format, large.size) == ("JPEG", (SIDE, SIDE // 4))
    assert abs(np.asarray(large).astype(int) - 100).max() <= 1
    many = Image.open(io.BytesIO(thumbnail(np.stack([np.zeros((4, 4)), np.full((4, 4), 80)], -1))))
    assert (np.asarray(many) == 40).all()
