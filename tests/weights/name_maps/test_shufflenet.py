"""Names of ShuffleNet's layers in torchvision."""

from __future__ import annotations

from kerascnn.weights.name_maps import layouts
from support.plans import weighted_layers_of


def test_names_in_torchvision():
    layout = layouts("shufflenet")["torchvision"]
    for name, known in (("shufflenet_v2_x0_5", True), ("shufflenet_v1_g3", False)):
        names = weighted_layers_of(name)
        modules = layout(names)
        assert list(modules) == (names if known else [])
        assert len(set(modules.values())) == len(modules)
    modules = layout(["conv1", "stage2_1_left_conv", "stage3_2_conv1", "stage3_2_dw_bn", "conv5"])
    assert list(modules.values()) == [
        "conv1.0", "stage2.0.branch1.2", "stage3.1.branch2.0", "stage3.1.branch2.4", "conv5.0"
    ]  # fmt: skip
