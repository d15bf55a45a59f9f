"""Names of the Inceptions' layers in other libraries."""

from __future__ import annotations

import pytest

from kerascnn.weights.expected_shapes import expected
from kerascnn.weights.name_maps import layouts
from support.plans import plan_of


@pytest.mark.parametrize(
    ("name", "source", "arguments"),
    [
        ("inception_v3", "keras", {}),
        ("inception_v3", "torchvision", {"columns": {"auxiliary": True}}),
        ("inception_v3", "timm", {"depth": 2}),
        ("inception_v4", "timm", {}),
        ("inception_v4", "timm", {"depth": 1.5}),
        ("inception_resnet_v2", "keras", {"depth": 0.5}),
    ],
)
def test_every_layer_has_a_name_of_its_own_elsewhere(name, source, arguments):
    layers = list(expected(plan_of(name, **arguments)))
    modules = layouts("inception")[source](layers)
    assert list(modules) == layers or set(modules) == set(layers)
    assert len(set(modules.values())) == len(layers)


def test_names_elsewhere():
    layers = list(expected(plan_of("inception_v3")))
    keras = layouts("inception")["keras"](layers)
    assert keras["stem_1"] == "conv2d"
    assert keras["c2_b4_2"] == "conv2d_93"  # 94 convolutions
    assert keras["c2_b4_2_bn"] == "batch_normalization_93"
    torchvision = layouts("inception")["torchvision"](layers)
    assert torchvision["stem_1"] == "Conv2d_1a_3x3.conv"
    assert torchvision["a2_b3_2_bn"] == "Mixed_5c.branch3x3dbl_2.bn"
    assert torchvision["reduction_a_b1_1"] == "Mixed_6a.branch3x3.conv"
    assert torchvision["b4_b3_5"] == "Mixed_6e.branch7x7dbl_5.conv"
    assert torchvision["c1_b2_2_b2_1"] == "Mixed_7b.branch3x3_2b.conv"
    layers = list(expected(plan_of("inception_v4")))
    timm = layouts("inception")["timm"](layers)
    assert timm["stem_4_b2_1"] == "features.3.conv.conv"
    assert timm["stem_5_b2_4_bn"] == "features.4.branch1.3.bn"
    assert timm["a1_b1_1"] == "features.6.branch0.conv"
    assert timm["reduction_b_b1_2"] == "features.18.branch0.1.conv"
    assert timm["c3_b3_4_b1_1"] == "features.21.branch2_3a.conv"
    layers = list(expected(plan_of("inception_resnet_v2")))
    keras = layouts("inception")["keras"](layers)
    assert keras["b20_up"] == "block17_20_conv"
    assert keras["tail_1_up"] == "block8_10_conv"
    assert keras["tail_2_bn"] == "conv_7b_bn"
