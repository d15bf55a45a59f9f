"""Names of VGG's layers in other libraries."""

from __future__ import annotations

from kerascnn.weights.name_maps import layouts
from support.plans import weighted_layers_of


def test_torchvisions_and_timms_names():
    for name, last in ("vgg11", 18), ("vgg11_bn", 25), ("vgg16", 28), ("vgg19_bn", 49):
        names = weighted_layers_of(name)
        for source in "torchvision", "timm":
            table = layouts("vgg")[source](names)
            assert list(table) == names
            assert len(set(table.values())) == len(names)
            # The last convolution's number in torchvision's own models.
            convolutions = [key for key in names if key.startswith("conv") and key[-2:] != "bn"]
            assert table[convolutions[-1]] == f"features.{last}"
    bn = layouts("vgg")["torchvision"](["conv1_1", "conv1_1_bn", "conv2_1", "conv2_1_bn"])
    assert list(bn.values()) == ["features.0", "features.1", "features.4", "features.5"]


def test_keras_names():
    table = layouts("vgg")["keras"](["conv1_1", "conv4_3", "fc6", "fc7", "predictions"])
    assert list(table.values()) == ["block1_conv1", "block4_conv3", "fc1", "fc2", "predictions"]
