"""Names of ResNet's layers in other libraries and in checkpoints for CIFAR."""

from __future__ import annotations

import pytest

from kerascnn.weights.name_maps import layouts
from support.plans import weighted_layers_of


@pytest.mark.parametrize("source", ["torchvision", "keras"])
@pytest.mark.parametrize("name", ["resnet18", "resnet50", "resnet50_v1_5", "resnet152"])
def test_every_layer_has_a_name_elsewhere(name, source):
    ours = weighted_layers_of(name)
    theirs = layouts("resnet")[source](ours)
    assert list(theirs) == ours
    assert len(set(theirs.values())) == len(ours)


def test_names_in_torchvision():
    names = layouts("resnet")["torchvision"](
        ["conv1", "conv1_bn", "conv2_1_conv1", "conv2_1_conv2_bn", "conv3_1_shortcut",
         "conv3_1_shortcut_bn", "conv5_12_conv3", "predictions"]
    )  # fmt: skip
    assert list(names.values()) == [
        "conv1", "bn1", "layer1.0.conv1", "layer1.0.bn2", "layer2.0.downsample.0",
        "layer2.0.downsample.1", "layer4.11.conv3", "fc",
    ]  # fmt: skip


def test_names_in_keras_applications():
    v1 = layouts("resnet")["keras"](
        ["conv1", "conv1_bn", "conv2_1_shortcut", "conv2_1_shortcut_bn", "conv4_6_conv2",
         "conv4_6_conv2_bn", "predictions"]
    )  # fmt: skip
    assert list(v1.values()) == [
        "conv1_conv", "conv1_bn", "conv2_block1_0_conv", "conv2_block1_0_bn",
        "conv4_block6_2_conv", "conv4_block6_2_bn", "predictions",
    ]  # fmt: skip
    v2 = layouts("resnet")["keras"](["conv2_1_bn1", "conv2_1_bn2", "conv2_1_bn3", "post_bn"])
    assert list(v2.values()) == [
        "conv2_block1_preact_bn", "conv2_block1_1_bn", "conv2_block1_2_bn", "post_bn",
    ]  # fmt: skip
    ours = weighted_layers_of("resnet101_v2")
    assert list(layouts("resnet")["keras"](ours)) == ours


def test_names_in_cifar_checkpoints():
    names = layouts("resnet")["cifar"](["conv1", "conv1_bn", "conv4_3_conv2_bn", "predictions"])
    assert list(names.values()) == ["conv1", "bn1", "layer3.2.bn2", "linear"]
    ours = weighted_layers_of("resnet110_cifar")
    assert list(layouts("resnet")["cifar"](ours)) == ours
