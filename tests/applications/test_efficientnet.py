"""EfficientNet against Tables 1 and 2 of its paper."""

from __future__ import annotations

import pytest

from kerascnn.errors import UsageError
from kerascnn.models.registry import model_info
from support.plans import entries_of, plan_of

# Table 1: operator, resolution that comes in, channels, layers.
TABLE_1 = [
    ("MBConv1, k3x3", 112, 16, 1),
    ("MBConv6, k3x3", 112, 24, 2),
    ("MBConv6, k5x5", 56, 40, 2),
    ("MBConv6, k3x3", 28, 80, 3),
    ("MBConv6, k5x5", 14, 112, 3),
    ("MBConv6, k5x5", 14, 192, 4),
    ("MBConv6, k3x3", 7, 320, 1),
]


# Table 2: millions of parameters, billions of multiply-accumulates.
TABLE_2 = [
    (5.3, 0.39),
    (7.8, 0.70),
    (9.2, 1.0),
    (12, 1.8),
    (19, 4.2),
    (30, 9.9),
    (43, 19),
    (66, 37),
]


def test_b0_is_table_1():
    entries = entries_of("efficientnet_b0")
    assert entries["conv1"].cost.shape == (None, 112, 112, 32)
    for stage, (operator, side, channels, layers) in enumerate(TABLE_1, 2):
        assert f"mbconv{stage}_{layers}_project" in entries
        assert f"mbconv{stage}_{layers + 1}_project" not in entries
        depthwise = entries[f"mbconv{stage}_1_dw"]
        wide, kernel = int(operator[6]), int(operator[-1])
        assert depthwise.config["kernel_size"] == kernel
        first = entries.get(f"mbconv{stage}_1_expand", depthwise)
        assert first.inputs[0].shape[1:3] in ((side, side), (side + kernel - 1,) * 2)
        incoming = {2: 32}.get(stage, TABLE_1[stage - 3][2])
        assert depthwise.cost.shape[-1] == wide * incoming
        assert entries[f"mbconv{stage}_1_se_reduce"].cost.shape[-1] == incoming // 4
        assert entries[f"mbconv{stage}_{layers}_project"].cost.shape[-1] == channels
    assert entries["conv_last"].cost.shape == (None, 7, 7, 1280)


@pytest.mark.parametrize("number", range(8))
def test_costs_are_those_of_table_2(number):
    costs = plan_of(f"efficientnet_b{number}")
    params, macs = TABLE_2[number]
    assert costs.trainable / 1e6 == pytest.approx(params, rel=0.02)
    assert costs.macs / 1e9 == pytest.approx(macs, rel=0.05)


@pytest.mark.parametrize(
    ("number", "width", "depth"), [(1, 1.0, 1.1), (2, 1.1, 1.2), (5, 1.6, 2.2), (7, 2.0, 3.1)]
)
def test_b0_scaled_by_hand_is_the_larger_network(number, width, depth):
    side = model_info(f"efficientnet_b{number}").input_shape
    scaled = plan_of("efficientnet_b0", width=width, depth=depth, input_shape=side)
    wanted = plan_of(f"efficientnet_b{number}")
    assert (scaled.trainable, scaled.macs) == (wanted.trainable, wanted.macs)


def test_dropout_and_batch_norms():
    rows = [model_info(f"efficientnet_b{number}").row for number in range(8)]
    assert [row.dropout for row in rows] == [0.2, 0.2, 0.3, 0.3, 0.4, 0.4, 0.5, 0.5]
    assert [row.epsilon for row in rows] == [1e-5] * 5 + [1e-3] * 3
    assert [row.momentum for row in rows] == [0.9] * 5 + [0.99] * 3
    assert entries_of("efficientnet_b3")["dropout"].config["rate"] == 0.3


def test_stochastic_depth_grows_with_the_block_and_can_be_left_out():
    entries = entries_of("efficientnet_b0")
    rates = {
        layer: entry.config["rate"] for layer, entry in entries.items() if layer.endswith("_drop")
    }
    # 16 blocks, of which number 2 (from 0), 4, 6, … have a shortcut; the last one has none.
    assert rates["mbconv3_2_drop"] == pytest.approx(0.2 * 2 / 16)
    assert rates["mbconv7_4_drop"] == pytest.approx(0.2 * 14 / 16)
    assert len(rates) == 9
    assert entries["mbconv3_2_drop"].config["noise_shape"] == (None, 1, 1, 1)
    without = entries_of("efficientnet_b0", columns={"stochastic_depth": 0})
    assert not any(layer.endswith("_drop") for layer in without)


def test_kernel_padding_and_stem():
    entries = entries_of("efficientnet_b0", kernel_size=7, columns={"padding": "same"})
    sizes = {e.config["kernel_size"] for e in entries.values() if e.kind == "DepthwiseConv2D"}
    assert sizes == {7}
    assert not any(entry.kind == "ZeroPadding2D" for entry in entries.values())
    small = plan_of("efficientnet_b0", stem="small", input_shape=(32, 32, 3)).entries
    assert small["conv1"].cost.shape == (None, 32, 32, 32)
    with pytest.raises(UsageError, match="padding must be"):
        plan_of("efficientnet_b0", columns={"padding": "valid"})
