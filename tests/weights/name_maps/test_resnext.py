"""Names of ResNeXt's layers in other libraries."""

from __future__ import annotations

from kerascnn.weights.name_maps import layouts
from support.plans import weighted_layers_of


def test_names_are_resnets():
    for source in "torchvision", "timm":
        ours = weighted_layers_of("resnext101_64x4d")
        theirs = layouts("resnext")[source](ours)
        assert list(theirs) == ours
        assert len(set(theirs.values())) == len(ours)
        assert theirs["conv4_23_conv2"] == "layer3.22.conv2"
