"""Names of the layers that FCN shares with VGG."""

from __future__ import annotations

from kerascnn.weights.name_maps import layouts
from support.plans import weighted_layers_of


def test_vggs_names_for_the_layers_that_it_shares():
    names = weighted_layers_of("fcn8s")
    table = layouts("fcn")["keras"](names)
    assert list(table.values())[-3:] == ["block5_conv3", "fc1", "fc2"]
    assert len(table) == 15
    assert layouts("fcn")["torchvision"](names)["fc6"] == "classifier.0"
