"""Names of AlexNet's layers in torchvision."""

from __future__ import annotations

from kerascnn.weights.name_maps import layouts
from support.plans import weighted_layers_of


def test_torchvisions_names():
    table = layouts("alexnet")["torchvision"]
    names = weighted_layers_of("alexnet_owt")
    assert list(table(names)) == names
    assert table(names)["conv5"] == "features.10"
    assert table(["conv1", "conv1_2"]) == {"conv1": "features.0"}
