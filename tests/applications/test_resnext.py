"""ResNeXts against Tables 1, 2 and 7 of Xie 2016."""

from __future__ import annotations

import pytest

from kerascnn.models.registry import model_info
from support.plans import entries_of, plan_of

# Table 2: cardinality, width of a group, width of the grouped convolution.
TABLE_2 = ((1, 64, 64), (2, 40, 80), (4, 24, 96), (8, 14, 112), (32, 4, 128))


def test_table_1():
    entries = entries_of("resnext50_32x4d")
    for stage, (blocks, inner) in enumerate(((3, 128), (4, 256), (6, 512), (3, 1024)), 2):
        size = 56 // 2 ** (stage - 2)
        for block in range(1, blocks + 1):
            convs = [entries[f"conv{stage}_{block}_conv{i}"] for i in (1, 2, 3)]
            assert [conv.config["filters"] for conv in convs] == [inner, inner, 2 * inner]
            assert [conv.config.get("groups", 1) for conv in convs] == [1, 32, 1]
            assert convs[-1].cost.shape == (None, size, size, 2 * inner)
    row = model_info("resnext50_32x4d")
    assert (round(row.params / 1e6, 1), round(row.macs / 1e9, 1)) == (25.0, 4.2)


@pytest.mark.parametrize(("groups", "group_width", "width"), TABLE_2)
def test_the_costs_of_table_2_are_alike(groups, group_width, width):
    """Every cardinality costs about ResNet-50's 25.5 million parameters and 4.1 GFLOPs."""
    ledger = plan_of("resnext50_32x4d", {"groups": groups, "group_width": group_width})
    assert ledger.entries["conv2_1_conv2"].config["filters"] == width
    assert ledger.trainable == pytest.approx(25.5e6, rel=0.02)
    assert ledger.macs == pytest.approx(4.1e9, rel=0.045)
    if groups == 1:
        assert ledger.trainable == model_info("resnet50_v1_5").params


def test_cifar_networks_of_table_7():
    """34.4 M with 8 groups and 68.1 M with 16; section 5.3: 3 stages of 3 blocks, 32, 16, 8."""
    assert round(model_info("resnext29_8x64d").params / 1e6, 1) == 34.4
    assert plan_of("resnext29_8x64d", {"groups": 16}).trainable / 1e6 == pytest.approx(
        68.1, abs=0.06
    )
    entries = entries_of("resnext29_8x64d")
    assert entries["conv1"].cost.shape == (None, 32, 32, 64)
    sizes = [entries[f"conv{stage}_3_out"].cost.shape[1:] for stage in (2, 3, 4)]
    assert sizes == [(32, 32, 256), (16, 16, 512), (8, 8, 1024)]
    assert [entries[f"conv2_1_conv{i}"].config["filters"] for i in (1, 2, 3)] == [512, 512, 256]
    assert "conv2_4_conv1" not in entries
    assert "conv5_1_conv1" not in entries


@pytest.mark.parametrize("width", [0.25, 0.3, 2])
@pytest.mark.parametrize("name", ["resnext50_32x4d", "resnext101_64x4d", "resnext29_8x64d"])
def test_groups_keep_their_number_at_any_width(name, width):
    entries = entries_of(name, width=width)
    grouped = [entry.config for entry in entries.values() if entry.kind == "GroupedConv2D"]
    assert {row["groups"] for row in grouped} == {model_info(name).row.groups}
    assert all(row["filters"] % row["groups"] == 0 for row in grouped)
