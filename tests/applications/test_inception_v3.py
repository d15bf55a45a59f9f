"""Inception-v3 against Table 1 of its paper, and torchvision's form of it."""

from __future__ import annotations

import pytest

from kerascnn.errors import MismatchError
from support.plans import plan_of, shapes_of


def test_inception_v3_has_the_sizes_of_table_1():
    made = shapes_of("inception_v3")
    # arXiv:1512.00567, Table 1, but for the released network's second half of the stem.
    assert made["stem_1"] == (149, 149, 32)
    assert made["stem_2"] == (147, 147, 32)
    assert made["stem_3"] == (147, 147, 64)
    assert made["stem_4"] == (73, 73, 64)
    assert made["stem_5"] == (73, 73, 80)
    assert made["stem_6"] == (71, 71, 192)
    assert made["stem_7"] == (35, 35, 192)
    assert [made[f"a{i}"] for i in (1, 2, 3)] == [(35, 35, 256), (35, 35, 288), (35, 35, 288)]
    assert made["reduction_a"] == (17, 17, 768)
    assert {made[f"b{i}"] for i in (1, 2, 3, 4)} == {(17, 17, 768)}
    assert made["reduction_b"] == (8, 8, 1280)
    assert made["c1"] == made["c2"] == made["features"] == (8, 8, 2048)
    assert "a4" not in made
    assert "b5" not in made
    assert "c3" not in made


def test_torchvisions_inception_v3_has_gammas_and_an_auxiliary_head():
    columns = {"gamma": True, "auxiliary": True}
    # Inception_V3_Weights.IMAGENET1K_V1.meta["num_params"]
    assert plan_of("inception_v3", columns=columns).trainable == 27_161_264
    made = shapes_of("inception_v3", columns=columns)
    assert made["aux1_pool"] == (5, 5, 768)  # Figure 8
    assert made["aux1_conv2"] == (1, 1, 768)
    with pytest.raises(MismatchError, match="at least 299"):
        plan_of("inception_v3", columns=columns, input_shape=(200, 200, 3))
