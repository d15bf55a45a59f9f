"""ShuffleNets against the tables of their papers."""

from __future__ import annotations

import pytest

from kerascnn.weights.name_maps import layouts
from support.plans import entries_of, plan_of, weighted_layers_of

# Zhang 2017, Table 1: groups, channels of stages 2 to 4, millions of multiply-accumulates.
V1_TABLE_1 = [
    (1, (144, 288, 576), 143),
    (2, (200, 400, 800), 140),
    (3, (240, 480, 960), 137),
    (4, (272, 544, 1088), 133),
    (8, (384, 768, 1536), 137),
]
# Ma 2018, Table 5: channels of stages 2 to 4 and of conv5, millions of operations and parameters.
V2_TABLE_5 = [
    ("x0_5", (48, 96, 192), 1024, 41, 1.4),
    ("x1_0", (116, 232, 464), 1024, 146, 2.3),
    ("x1_5", (176, 352, 704), 1024, 299, 3.5),
    ("x2_0", (244, 488, 976), 2048, 591, 7.4),
]


def by_hand(groups, channels):
    """Trainable parameters of version 1 from figure 2 and Table 1, without the package."""
    total, before = 3 * 3 * 3 * 24 + 2 * 24, 24
    for stage, (out, units) in enumerate(zip(channels, (4, 8, 4), strict=True), 2):
        for unit in range(units):
            middle = out // 4
            made = out - before if unit == 0 else out
            first_groups = 1 if (stage, unit) == (2, 0) else groups
            total += before * middle // first_groups + 2 * middle
            total += 9 * middle + 2 * middle
            total += middle * made // groups + 2 * made
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


@pytest.mark.parametrize(("size", "channels", "last", "macs", "params"), V2_TABLE_5)
def test_v2_is_table_5(size, channels, last, macs, params):
    costs = plan_of(f"shufflenet_v2_{size}")
    shapes = {layer: entry.cost.shape[1:] for layer, entry in costs.entries.items()}
    assert shapes["pool1"] == (56, 56, 24)
    for stage, side, out in zip((2, 3, 4), (28, 14, 7), channels, strict=True):
        units = [f"stage{stage}_{unit}_shuffle" for unit in range(1, {3: 8}.get(stage, 4) + 1)]
        assert [shapes[unit] for unit in units] == [(side, side, out)] * len(units)
        assert shapes[f"stage{stage}_2_left"] == (side, side, out // 2)
    assert shapes["conv5"] == (7, 7, last)
    assert costs.macs == pytest.approx(macs * 1e6, rel=0.016)
    assert round(costs.trainable / 1e6, 1) == params


def test_small_stem_depth_and_kernel():
    for name in ("shufflenet_v1_g8", "shufflenet_v2_x1_0"):
        small = plan_of(
            name, stem="small", input_shape=(32, 32, 3), depth=0.5, kernel_size=5
        ).entries
        assert small["conv1"].cost.shape[1:3] == (32, 32)
        assert "pool1" not in small
        assert sum(layer.startswith("stage3_") and layer.endswith("_conv1") for layer in small) == 4
        sizes = {e.config["kernel_size"] for e in small.values() if e.kind == "DepthwiseConv2D"}
        assert sizes == {5}


def test_names_in_torchvision():
    layout = layouts("shufflenet")["torchvision"]
    for name, known in (("shufflenet_v2_x0_5", True), ("shufflenet_v1_g3", False)):
        names = weighted_layers_of(name)
        found = layout(names)
        assert list(found) == (names if known else [])
        assert len(set(found.values())) == len(found)
    found = layout(["conv1", "stage2_1_left_conv", "stage3_2_conv1", "stage3_2_dw_bn", "conv5"])
    assert list(found.values()) == [
        "conv1.0", "stage2.0.branch1.2", "stage3.1.branch2.0", "stage3.1.branch2.4", "conv5.0"
    ]  # fmt: skip
