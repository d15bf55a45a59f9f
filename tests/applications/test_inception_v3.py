"""Inception-v3 against Table 1 of its paper, and torchvision's form of it."""

from __future__ import annotations

import pytest

from kerascnn.errors import MismatchError
from support.plans import plan_of, shapes_of


def test_inception_v3_has_the_sizes_of_table_1():
    shapes = shapes_of("inception_v3")
    # arXiv:1512.00567, Table 1, but for the released network's second half of the stem.
    assert shapes["stem_1"] == (149, 149, 32)
    assert shapes["stem_2"] == (147, 147, 32)
    assert shapes["stem_3"] == (147, 147, 64)
    assert shapes["stem_4"] == (73, 73, 64)
    assert shapes["stem_5"] == (73, 73, 80)
    assert shapes["stem_6"] == (71, 71, 192)
    assert shapes["stem_7"] == (35, 35, 192)
    assert [shapes[f"a{i}"] for i in (1, 2, 3)] == [(35, 35, 256), (35, 35, 288), (35, 35, 288)]
    assert shapes["reduction_a"] == (17, 17, 768)
    assert {shapes[f"b{i}"] for i in (1, 2, 3, 4)} == {(17, 17, 768)}
    assert shapes["reduction_b"] == (8, 8, 1280)
    assert shapes["c1"] == shapes["c2"] == shapes["features"] == (8, 8, 2048)
    assert "a4" not in shapes
    assert "b5" not in shapes
    assert "c3" not in shapes


def test_torchvisions_inception_v3_has_gammas_and_an_auxiliary_head():
    columns = {"gamma": True, "auxiliary": True}
    # Inception_V3_Weights.IMAGENET1K_V1.meta["num_params"]
    assert plan_of("inception_v3", columns=columns).trainable == 27_161_264
    shapes = shapes_of("inception_v3", columns=columns)
    assert shapes["aux1_pool"] == (5, 5, 768)  # Figure 8
    assert shapes["aux1_conv2"] == (1, 1, 768)
    with pytest.raises(MismatchError, match="at least 299"):
        plan_of("inception_v3", columns=columns, input_shape=(200, 200, 3))
