"""Wide ResNets against Tables 1, 4 and 5 of Zagoruyko 2016."""

from __future__ import annotations

import pytest

from kerascnn.errors import UsageError
from kerascnn.models.registry import model_info
from support.plans import entries_of

# Tables 4 and 5: depth, k, millions of parameters.
WIDTHS = {"wrn40_4": (40, 4, 8.9), "wrn16_8": (16, 8, 11.0), "wrn28_10": (28, 10, 36.5)}


def entries(name, **columns):
    return entries_of(name, columns=columns)


@pytest.mark.parametrize("name", WIDTHS)
def test_table_1(name):
    depth, k, millions = WIDTHS[name]
    planned_entries = entries(name)
    convs = {
        entry: planned_entries[entry]
        for entry in planned_entries
        if "conv" in planned_entries[entry].kind.lower()
    }
    blocks = (depth - 4) // 6
    assert planned_entries["conv1"].cost.shape == (None, 32, 32, 16)
    for group, (size, channels) in enumerate(((32, 16 * k), (16, 32 * k), (8, 64 * k)), 2):
        for block in range(1, blocks + 1):
            for number in (1, 2):
                entry = planned_entries[f"conv{group}_{block}_conv{number}"]
                assert entry.cost.shape == (None, size, size, channels)
                assert entry.config["kernel_size"] == 3
    # Depth counts the convolutions of the branches, conv1, and the three projections.
    assert len(convs) == depth
    assert model_info(name).params / 1e6 == pytest.approx(millions, abs=0.05)


def test_blocks_are_pre_activated_and_only_wider_ones_project():
    planned_entries = entries("wrn16_8")
    assert planned_entries["conv2_1_bn1"].inputs[0].source == "conv1"
    shortcuts = [name for name in planned_entries if name.endswith("_shortcut")]
    assert shortcuts == ["conv2_1_shortcut", "conv3_1_shortcut", "conv4_1_shortcut"]
    # Both branches see one batch norm and ReLU; the identity passes by them.
    assert planned_entries["conv2_1_shortcut"].inputs[0].source == "conv2_1_act1"
    assert planned_entries["conv2_1_conv1"].inputs[0].source == "conv2_1_act1"
    assert planned_entries["conv2_2_add"].inputs[0].source == "conv2_1_add"
    assert list(planned_entries)[-5:] == [
        "post_bn",
        "post_act",
        "features",
        "avg_pool",
        "predictions",
    ]


def test_dropout_between_the_convolutions_of_a_block():
    """Section 2.4; the paper takes 0.3 for CIFAR."""
    planned_entries = entries("wrn16_8", block_dropout=0.3)
    drops = [
        name for name, planned_entry in planned_entries.items() if planned_entry.kind == "Dropout"
    ]
    assert len(drops) == 6
    assert planned_entries["conv2_1_dropout"].inputs[0].source == "conv2_1_act2"
    assert planned_entries["conv2_1_conv2"].inputs[0].source == "conv2_1_dropout"
    assert planned_entries["conv2_1_dropout"].config["rate"] == 0.3
    assert not [entry for entry in entries("wrn16_8").values() if entry.kind == "Dropout"]


@pytest.mark.parametrize("name", ["wide_resnet50_2", "wide_resnet101_2"])
def test_on_imagenet_only_the_3x3_is_twice_as_wide(name):
    planned_entries = entries(name)
    assert [planned_entries[f"conv5_1_conv{i}"].config["filters"] for i in (1, 2, 3)] == [
        1024,
        1024,
        2048,
    ]
    assert [planned_entries[f"conv5_1_conv{i}"].config["strides"] for i in (1, 2, 3)] == [1, 2, 1]
    assert planned_entries["features"].cost.shape == (None, 7, 7, 2048)


def test_a_basic_block_is_widened_by_its_channels():
    with pytest.raises(UsageError, match="change channels"):
        entries("wrn16_8", group_width=128)
