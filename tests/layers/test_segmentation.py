"""The bilinear filter against Caffe's."""

from __future__ import annotations

import numpy as np

from kerascnn.layers import Bilinear


def test_the_bilinear_filter_is_caffes():
    filters = np.asarray(Bilinear()((4, 4, 3, 3)))
    side = [0.25, 0.75, 0.75, 0.25]
    np.testing.assert_allclose(filters[:, :, 1, 1], np.outer(side, side))
    assert np.abs(filters[:, :, 0, 1]).max() == 0
    odd = np.asarray(Bilinear()((3, 3, 1, 1)))[:, :, 0, 0]
    np.testing.assert_allclose(odd, np.outer([0.5, 1, 0.5], [0.5, 1, 0.5]))
