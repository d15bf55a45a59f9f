"""MobileNet v2 against Tables 2 and 4 of its paper."""

from __future__ import annotations

import pytest

from support.plans import entries_of, plan_of, squares

# Sandler 2018, Table 2.
V2_STAGES = "112x32 112x16 56x24 28x32 14x64 14x96 7x160"


def test_v2_sizes_are_those_of_table_2():
    entries = entries_of("mobilenet_v2")
    first = {layer: entry.inputs[0].shape[1:] for layer, entry in entries.items()}
    stages = [first["bottleneck2_1_dw"]]
    stages += [first[f"bottleneck{stage}_1_expand"] for stage in range(3, 9)]
    assert stages == squares(V2_STAGES)
    assert first["conv_last"] == (7, 7, 320)
    assert entries["conv_last"].cost.shape == (None, 7, 7, 1280)
    adds = [layer for layer in entries if layer.endswith("_add")]
    assert len(adds) == 10  # n - 1 in every stage: 0 + 1 + 2 + 3 + 2 + 2 + 0
    assert "bottleneck2_1_expand" not in entries  # t = 1


@pytest.mark.parametrize(
    ("width", "params", "macs"), [(1.0, 3_504_872, 300), (1.4, 6_108_776, 585)]
)
def test_v2_costs_are_those_of_table_4(width, params, macs):
    """Parameters are torchvision's and timm's: the table's 6.9 M at 1.4 are nobody's."""
    costs = plan_of("mobilenet_v2", width=width)
    assert costs.trainable == params
    assert costs.macs / 1e6 == pytest.approx(macs, rel=0.01)


@pytest.mark.parametrize(
    ("width", "params"), [(0.35, 1_677_128), (0.5, 1_968_680), (0.75, 2_636_424)]
)
def test_v2_narrow_networks_are_those_of_timm_and_torchvision(width, params):
    assert plan_of("mobilenet_v2", width=width).trainable == params


def test_v2_narrow_keeps_its_last_convolution():
    assert entries_of("mobilenet_v2", width=0.5)["conv_last"].cost.shape[-1] == 1280
    assert entries_of("mobilenet_v2", width=1.4)["conv_last"].cost.shape[-1] == 1792
