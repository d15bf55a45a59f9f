"""Names of DenseNet's layers in other libraries."""

from __future__ import annotations

import pytest

from kerascnn.weights.name_maps import layouts
from support.plans import weighted_layers_of


@pytest.mark.parametrize("source", ["torchvision", "torchvision_files", "timm", "keras"])
def test_every_layer_with_weights_has_one_name_elsewhere(source):
    names = weighted_layers_of("densenet169")
    modules = layouts("densenet")[source](names)
    assert list(modules) == names
    assert len(set(modules.values())) == len(names)


def test_names_elsewhere():
    names = ["dense2_3_conv1_bn", "dense2_3_conv1", "dense2_3_conv2_bn", "transition2_conv", "bn"]
    known = {source: list(layout(names).values()) for source, layout in layouts("densenet").items()}
    place = "features.denseblock2.denselayer3"
    assert known["torchvision"] == [
        f"{place}.norm1", f"{place}.conv1", f"{place}.norm2",
        "features.transition2.conv", "features.norm5",
    ]  # fmt: skip
    assert known["torchvision_files"][:3] == [
        f"{place}.norm.1",
        f"{place}.conv.1",
        f"{place}.norm.2",
    ]
    assert known["keras"] == [
        "conv3_block3_0_bn", "conv3_block3_1_conv", "conv3_block3_1_bn", "pool3_conv", "bn"
    ]  # fmt: skip
