"""ShuffleNet v1 against Tables 1 and 2 of its paper."""

from __future__ import annotations

import pytest

from support.plans import entries_of, plan_of

# Zhang 2017, Table 1: groups, channels of stages 2 to 4, millions of multiply-accumulates.
V1_TABLE_1 = [
    (1, (144, 288, 576), 143),
    (2, (200, 400, 800), 140),
    (3, (240, 480, 960), 137),
    (4, (272, 544, 1088), 133),
    (8, (384, 768, 1536), 137),
]


def by_hand(groups, channels):
    """Trainable parameters of version 1 from figure 2 and Table 1, without the package."""
    total, before = 3 * 3 * 3 * 24 + 2 * 24, 24
    for stage, (out, units) in enumerate(zip(channels, (4, 8, 4), strict=True), 2):
        for unit in range(units):
            middle = out // 4
            built = out - before if unit == 0 else out
            first_groups = 1 if (stage, unit) == (2, 0) else groups
            total += before * middle // first_groups + 2 * middle
            total += 9 * middle + 2 * middle
            total += middle * built // groups + 2 * built
            before = out
    return total + before * 1000 + 1000


@pytest.mark.parametrize(("groups", "channels", "macs"), V1_TABLE_1)
def test_v1_is_table_1(groups, channels, macs):
    costs = plan_of(f"shufflenet_v1_g{groups}")
    shapes = {layer: entry.cost.shape[1:] for layer, entry in costs.entries.items()}
    assert shapes["conv1"] == (112, 112, 24)
    assert shapes["pool1"] == (56, 56, 24)
    for stage, side, out in zip((2, 3, 4), (28, 14, 7), channels, strict=True):
        units = [f"stage{stage}_{unit}_relu" for unit in range(1, {3: 8}.get(stage, 4) + 1)]
        assert [shapes[unit] for unit in units] == [(side, side, out)] * len(units)
        assert f"stage{stage}_{len(units) + 1}_relu" not in shapes
    assert costs.macs == pytest.approx(macs * 1e6, rel=0.011)
    assert costs.trainable == by_hand(groups, channels)


def test_v1_the_first_pointwise_convolution_is_not_grouped():
    entries = entries_of("shufflenet_v1_g3")
    groups = {
        layer: entry.config.get("groups", 1)
        for layer, entry in entries.items()
        if layer.endswith(("_conv1", "_conv2"))
    }
    assert groups.pop("stage2_1_conv1") == 1
    assert set(groups.values()) == {3}
    assert entries["stage2_1_shuffle"].config["groups"] == 3
    assert "stage2_1_shuffle" not in entries_of("shufflenet_v1_g1")


def test_v1_half_as_wide_costs_the_38_million_of_the_papers_table_2():
    assert plan_of("shufflenet_v1_g3", width=0.5).macs == pytest.approx(38e6, rel=0.02)


@pytest.mark.parametrize("width", [0.1, 0.33, 0.75, 1.5])
@pytest.mark.parametrize("groups", [2, 3, 4, 8])
def test_v1_every_width_leaves_every_convolution_its_groups(groups, width):
    for layer, entry in entries_of(f"shufflenet_v1_g{groups}", width=width).items():
        if entry.kind == "GroupedConv2D":
            assert entry.inputs[0].shape[-1] % groups == 0, layer
            assert entry.config["filters"] % groups == 0, layer
