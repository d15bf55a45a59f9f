"""The border of even size that NASNet needs where the size of the image is open."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from kerascnn.layers import EvenBorder2D


@pytest.mark.parametrize("size", [(4, 6), (5, 7), (4, 7)])
def test_the_border_of_an_open_size(size):
    x = np.random.default_rng(0).normal(size=(2, *size, 3)).astype("float32")
    border = tuple((side % 2, 1) for side in size)
    wanted = keras.layers.ZeroPadding2D(border)(x)
    image = keras.Input((None, None, 3))
    model = keras.Model(image, EvenBorder2D()(image))
    np.testing.assert_array_equal(model(x), wanted)
    assert EvenBorder2D().compute_output_shape((2, *size, 3)) == tuple(wanted.shape)
