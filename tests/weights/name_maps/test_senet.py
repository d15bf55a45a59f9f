"""Names of the layers of squeeze-and-excitation networks in timm."""

from __future__ import annotations

import pytest

from kerascnn.weights.name_maps import layouts
from support.plans import weighted_layers_of


@pytest.mark.parametrize("source", ["timm", "timm_legacy"])
@pytest.mark.parametrize("name", ["se_resnet18", "se_resnet101", "senet154"])
def test_every_layer_has_a_name_in_timm(name, source):
    ours = weighted_layers_of(name)
    theirs = layouts("senet")[source](ours)
    assert list(theirs) == ours
    assert len(set(theirs.values())) == len(ours)


def test_names_in_timm():
    ours = [
        "conv1", "conv1_bn", "conv1_1", "conv1_2_bn", "conv1_3_bn", "conv2_1_shortcut",
        "conv2_1_conv3_bn", "conv5_3_se_reduce", "conv5_3_se_expand", "predictions",
    ]  # fmt: skip
    assert list(layouts("senet")["timm"](ours).values()) == [
        "conv1", "bn1", "conv1.0", "conv1.4", "bn1", "layer1.0.downsample.0",
        "layer1.0.bn3", "layer4.2.se.fc1", "layer4.2.se.fc2", "fc",
    ]  # fmt: skip
    assert list(layouts("senet")["timm_legacy"](ours).values()) == [
        "layer0.conv1", "layer0.bn1", "layer0.conv1", "layer0.bn2", "layer0.bn3",
        "layer1.0.downsample.0", "layer1.0.bn3", "layer4.2.se_module.fc1",
        "layer4.2.se_module.fc2", "last_linear",
    ]  # fmt: skip
