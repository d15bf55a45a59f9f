"""The curves of a run: losses, and the logarithm of the error."""

from __future__ import annotations

import numpy as np

from kerascnn.reports.curves import draw_curves, make_figure
from support.run_directories import write_run


def test_curves_show_losses_and_the_logarithm_of_the_error(tmp_path):
    rows = [[1, 0.9, 0.5, 0.8, 0.6], [2, 0.5, 0.9, 0.6, 0.9], [3, 0.05, 1.0, 0.4, 0.8]]
    run = write_run(tmp_path, rows)
    left, right = make_figure(run).axes
    np.testing.assert_array_equal(left.lines[1].get_ydata(), [0.8, 0.6, 0.4])
    assert left.get_yscale() == "log"
    # No error at all stands at half an image of the 40: -log10(0.5 / 40) = 1.90309.
    np.testing.assert_allclose(right.lines[0].get_ydata(), [0.30103, 1.0, 1.90309], atol=1e-5)
    labels = {
        round(place, 5): text.get_text()
        for place, text in zip(right.get_yticks(), right.get_yticklabels(), strict=True)
    }
    assert labels[1.0] == "90 %"
    assert labels[0.30103] == "50 %"
    path = draw_curves(run)
    from PIL import Image

    with Image.open(path) as picture:
        assert picture.format == "PNG"
        assert picture.size == (1200, 504)
