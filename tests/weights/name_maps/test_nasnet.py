"""Names of NASNet's layers in keras.applications."""

from __future__ import annotations

import pytest

from kerascnn.weights.expected_shapes import expected
from kerascnn.weights.name_maps import layouts
from support.plans import plan_of


@pytest.mark.parametrize("depth", [0.5, 1, 2])
def test_every_layer_has_a_name_in_keras(depth):
    layers = list(expected(plan_of("nasnet_mobile", depth=depth)))
    modules = layouts("nasnet")["keras"](layers)
    assert set(modules) == set(layers)
    # A separable convolution there is two layers here.
    pairs = sum(layer.endswith(("dw1", "dw2")) for layer in layers)
    assert len(set(modules.values())) == len(layers) - pairs


def test_names_in_keras():
    network_plan = layouts("nasnet")["keras"](list(expected(plan_of("nasnet_mobile"))))
    assert network_plan["stage1_cell1_left1_dw2"] == "separable_conv_2_normal_left1_0"
    assert network_plan["stage1_cell1_left1_bn2"] == "separable_conv_2_bn_normal_left1_0"
    assert network_plan["reduction1_left5_pw1"] == "separable_conv_1_reduction_left4_reduce_4"
    assert network_plan["stage2_cell1_prev_conv2"] == "adjust_conv_2_5"
    assert network_plan["stage2_cell2_prev"] == "adjust_conv_projection_6"
    assert network_plan["stage3_cell4_now_bn"] == "normal_bn_1_12"
