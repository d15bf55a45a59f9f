"""Names of Wide ResNet's layers in other libraries."""

from __future__ import annotations

from kerascnn.weights.name_maps import layouts
from support.plans import weighted_layers_of


def test_names_elsewhere():
    names = layouts("wide_resnet")["cifar"](
        ["conv1", "conv2_1_bn1", "conv2_1_conv2", "conv4_2_shortcut", "post_bn", "predictions"]
    )
    assert list(names.values()) == [
        "conv1", "block1.layer.0.bn1", "block1.layer.0.conv2", "block3.layer.1.convShortcut",
        "bn1", "fc",
    ]  # fmt: skip
    for name, source in ("wrn28_10", "cifar"), ("wide_resnet50_2", "torchvision"):
        ours = weighted_layers_of(name)
        theirs = layouts("wide_resnet")[source](ours)
        assert list(theirs) == ours
        assert len(set(theirs.values())) == len(ours)
