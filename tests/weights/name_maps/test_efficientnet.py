"""Names of EfficientNet's layers in other libraries."""

from __future__ import annotations

import pytest

from kerascnn.weights.name_maps import layouts
from support.plans import weighted_layers_of


@pytest.mark.parametrize("source", ["torchvision", "timm", "keras"])
def test_every_layer_with_weights_has_one_name_elsewhere(source):
    names = weighted_layers_of("efficientnet_b1")
    modules = layouts("efficientnet")[source](names)
    assert list(modules) == names
    assert len(set(modules.values())) == len(names)
    assert [modules[name] for name in ("mbconv2_2_project_bn", "mbconv3_1_se_expand")] == {
        "torchvision": ["features.1.1.block.2.1", "features.2.0.block.2.fc2"],
        "timm": ["blocks.0.1.bn2", "blocks.1.0.se.conv_expand"],
        "keras": ["block1b_project_bn", "block2a_se_expand"],
    }[source]
