"""ZFNet against Figure 3 of its paper; test_alexnet.py tests what it shares with AlexNet."""

from __future__ import annotations

from support.plans import shapes_of


def test_zfnet_has_the_sizes_of_figure_3():
    shapes = shapes_of("zfnet")
    assert {layer: shapes[layer][0] for layer in shapes if layer[-1].isdigit()} == {
        "conv1": 110, "pool1": 55, "norm1": 55, "conv2": 26, "pool2": 13, "norm2": 13,
        "conv3": 13, "conv4": 13, "conv5": 13, "pool5": 6, "fc6": 4096, "fc7": 4096,
    }  # fmt: skip
    assert shapes["features"] == (6, 6, 256)
