"""NASNet-A against its paper and keras.applications."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn.create import create_model
from kerascnn.errors import MismatchError
from kerascnn.models.planning import minimum_size
from kerascnn.models.registry import model_info
from kerascnn.models.request import Request
from support.plans import entries_of, shapes_of


@pytest.mark.parametrize(
    ("name", "cells", "penultimate", "sizes"),
    [
        ("nasnet_mobile", 4, 1056, (111, 56, 28, 14, 7)),
        ("nasnet_large", 6, 4032, (165, 83, 42, 21, 11)),
    ],
)
def test_the_shapes_of_figure_2(name, cells, penultimate, sizes):
    """N @ penultimate filters; each reduction cell halves the size and doubles the channels."""
    shapes = shapes_of(name)
    filters = penultimate // 24
    assert shapes["stem"][:2] == (sizes[0], sizes[0])
    assert shapes["stem1"] == (sizes[1], sizes[1], 4 * (filters // 4))
    assert shapes["stem2"] == (sizes[2], sizes[2], 4 * (filters // 2))
    for stage in (1, 2, 3):
        size, width = sizes[stage + 1], filters * 2 ** (stage - 1)
        result = [shapes[f"stage{stage}_cell{number}"] for number in range(1, cells + 1)]
        assert result == [(size, size, 6 * width)] * cells
        assert f"stage{stage}_cell{cells + 1}" not in shapes
    assert shapes["reduction1"] == (sizes[3], sizes[3], 4 * 2 * filters)
    assert shapes["features"] == (sizes[4], sizes[4], penultimate)


def test_separable_convolutions_of_figure_4():
    entries = entries_of("nasnet_mobile")
    sizes = {
        layer: entry.config["kernel_size"]
        for layer, entry in entries.items()
        if entry.kind == "DepthwiseConv2D" and layer.endswith("dw1")
    }
    normal = {layer[13:-4]: size for layer, size in sizes.items() if "stage2_cell1_" in layer}
    assert normal == {"left1": 5, "right1": 3, "left2": 5, "right2": 3, "left5": 3}
    reduction = {layer[11:-4]: size for layer, size in sizes.items() if "reduction1_" in layer}
    assert reduction == {"left1": 5, "right1": 7, "right2": 7, "right3": 5, "left5": 3}


def test_depth_width_and_filter_size():
    assert "stage1_cell2" in (shapes := shapes_of("nasnet_mobile", depth=0.5))
    assert "stage1_cell3" not in shapes
    assert shapes_of("nasnet_mobile", width=0.5)["features"][-1] == 6 * 4 * 24  # 22 in steps of 4
    wide = entries_of("nasnet_mobile", kernel_size=9)
    kernels = {e.config["kernel_size"] for e in wide.values() if e.kind == "DepthwiseConv2D"}
    assert kernels == {9}
    assert shapes_of("nasnet_mobile", kernel_size=9) == shapes_of("nasnet_mobile")


def test_the_small_stem_is_the_network_for_cifar():
    shapes = shapes_of("nasnet_mobile", stem="small", input_shape=(32, 32, 3))
    assert shapes["stem"] == (32, 32, 3 * 44)
    assert "stem1" not in shapes
    assert [shapes[f"stage{stage}_cell1"][:2] for stage in (1, 2, 3)] == [
        (32, 32),
        (16, 16),
        (8, 8),
    ]


def test_the_auxiliary_head_reads_the_end_of_the_second_stage():
    shapes = shapes_of("nasnet_mobile", columns={"auxiliary": True})
    assert shapes["aux1_pool"] == (4, 4, 6 * 88)
    assert shapes["aux1_conv2"] == (1, 1, 768)
    assert shapes["aux1"] == (1000,)
    with pytest.raises(MismatchError, match="fixed height and width"):
        shapes_of("nasnet_mobile", columns={"auxiliary": True}, input_shape=(None, None, 3))


def test_smallest_image():
    assert minimum_size(model_info("nasnet_mobile"), Request()) == 3


def test_an_open_size_gives_the_logits_of_a_fixed_one():
    fixed = create_model("nasnet_mobile", input_shape=(47, 36, 3), width=0.25, depth=0.25)
    open_ = create_model("nasnet_mobile", input_shape=(None, None, 3), width=0.25, depth=0.25)
    open_.set_weights(fixed.get_weights())
    x = np.random.default_rng(0).normal(size=(2, 47, 36, 3)).astype("float32")
    np.testing.assert_allclose(open_(x), fixed(x), rtol=1e-5, atol=1e-6)
