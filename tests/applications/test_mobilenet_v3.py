"""MobileNet v3 against Tables 1 to 3 of its paper."""

from __future__ import annotations

import pytest

from support.plans import entries_of, plan_of, squares

# Howard 2019, Tables 1 and 2.
V3_LARGE = (
    "112x16 112x16 56x24 56x24 28x40 28x40 28x40 14x80 14x80 14x80 14x80 14x112 14x112 7x160 7x160"
)


V3_SMALL = "112x16 56x16 28x24 28x24 14x40 14x40 14x40 14x48 14x48 7x96 7x96"


@pytest.mark.parametrize(
    ("name", "sizes"), [("mobilenet_v3_large", V3_LARGE), ("mobilenet_v3_small", V3_SMALL)]
)
def test_v3_sizes_are_those_of_tables_1_and_2(name, sizes):
    entries = entries_of(name)
    blocks = {}
    for layer, entry in entries.items():
        if layer.startswith("bneck"):
            blocks.setdefault(layer.split("_")[0] + layer.split("_")[1], entry.inputs[0].shape[1:])
    assert list(blocks.values()) == squares(sizes)[-len(blocks) :]
    last = 6 * squares(sizes)[-1][2]
    assert entries["conv_last"].cost.shape == (None, 7, 7, last)
    assert entries["hidden"].cost.shape == (None, {960: 1280, 576: 1024}[last])


@pytest.mark.parametrize(
    ("name", "width", "params", "macs"),
    [
        ("mobilenet_v3_large", 1.0, 5.4, 219), ("mobilenet_v3_large", 0.75, 4.0, 155),
        ("mobilenet_v3_small", 1.0, 2.5, 56), ("mobilenet_v3_small", 0.75, 2.0, 44),
    ],
)  # fmt: skip
def test_v3_costs_are_those_of_the_papers_table_3(name, width, params, macs):
    costs = plan_of(name, width=width)
    assert costs.trainable / 1e6 == pytest.approx(params, rel=0.03)
    assert costs.macs / 1e6 == pytest.approx(macs, rel=0.03)


@pytest.mark.parametrize(
    ("name", "params"), [("mobilenet_v3_large", 3_993_528), ("mobilenet_v3_small", 2_041_872)]
)
def test_v3_at_three_quarters_is_timms(name, params):
    """mobilenetv3_large_075 and mobilenetv3_small_075."""
    assert plan_of(name, width=0.75).trainable == params


def test_v3_gates_and_activations():
    entries = entries_of("mobilenet_v3_small")
    gated = [layer for layer in entries if layer.endswith("_se_gate")]
    assert len(gated) == 9  # ticks of Table 2, without the slip in its last 1x1 convolution
    assert {entries[layer].kind for layer in gated} == {"HardSigmoid"}
    acts = [
        entry.config.get("activation", entry.kind)
        for layer, entry in entries.items()
        if layer.endswith("_dw_act")
    ]
    assert acts == ["ReLU"] * 3 + ["hard_swish"] * 8
    squeezed = [e.cost.shape[-1] for layer, e in entries.items() if layer.endswith("_se_reduce")]
    assert squeezed == [8, 24, 64, 64, 32, 40, 72, 144, 144]  # a quarter, to multiples of 8
    norms = {
        (entry.config["epsilon"], entry.config["momentum"])
        for entry in entries.values()
        if entry.kind == "BatchNormalization"
    }
    assert norms == {(1e-3, 0.99)}


def test_v3_depth_stretches_stages_and_keeps_their_strides():
    deep, shallow = (entries_of("mobilenet_v3_large", depth=depth) for depth in (2, 0.5))
    for entries, blocks in ((deep, [2, 4, 6, 8, 4, 6]), (shallow, [1, 1, 2, 2, 1, 2])):
        steps = [entry for layer, entry in entries.items() if layer.endswith("_dw")]
        assert [entry.config["strides"] for entry in steps].count(2) == 4
        names = [layer.split("_")[0] for layer in entries if layer.endswith("_dw")]
        assert [names.count(f"bneck{stage}") for stage in range(2, 8)] == blocks
        assert entries["conv_last"].cost.shape[1:3] == (7, 7)
