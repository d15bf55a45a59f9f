"""Names of GoogLeNet's layers in torchvision."""

from __future__ import annotations

from kerascnn.weights.name_maps import layouts
from support.plans import entries_of


def test_torchvisions_names():
    entries = entries_of("googlenet_bn", columns={"auxiliary": True})
    names = [key for key, entry in entries.items() if entry.cost.trainable]
    table = layouts("googlenet")["torchvision"](names)
    assert list(table) == names
    assert len(set(table.values())) == len(names)
    assert table["conv2_reduce_bn"] == "conv2.bn"
    assert table["inception_4e_5x5_reduce"] == "inception4e.branch3.0.conv"
    assert table["inception_5b_pool_proj_bn"] == "inception5b.branch4.1.bn"
    assert table["aux2_conv"] == "aux2.conv.conv"
    assert table["aux2"] == "aux2.fc2"
    assert layouts("googlenet")["torchvision"](["inception_4a_2_1x1"]) == {}
