"""MobileNets against the tables of their papers."""

from __future__ import annotations

import pytest

from kerascnn.errors import UsageError
from kerascnn.weights.name_maps import layouts
from support.plans import entries_of, plan_of, weighted_layers_of

NAMES = ["mobilenet_v1", "mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small"]


def inputs(name, part):
    """The input size of every block, height x height x channels, as the papers' tables list it."""
    return [
        entry.inputs[0].shape[1:]
        for layer, entry in entries_of(name).items()
        if layer.endswith(part)
    ]


def squares(text):
    """Reads "112x16 56x24": height (and width) and channels."""
    return [(int(a), int(a), int(b)) for a, b in (one.split("x") for one in text.split())]


# Howard 2017, Table 1: input sizes of the depthwise convolutions; the last line's stride of 2 is a
# slip, for its output is the 7x7 of the line below.
V1_DEPTHWISE = (
    "112x32 112x64 56x128 56x128 28x256 28x256 14x512 14x512 14x512 14x512 14x512 14x512 7x1024"
)
# Sandler 2018, Table 2.
V2_STAGES = "112x32 112x16 56x24 28x32 14x64 14x96 7x160"
# Howard 2019, Tables 1 and 2.
V3_LARGE = (
    "112x16 112x16 56x24 56x24 28x40 28x40 28x40 14x80 14x80 14x80 14x80 14x112 14x112 7x160 7x160"
)
V3_SMALL = "112x16 56x16 28x24 28x24 14x40 14x40 14x40 14x48 14x48 7x96 7x96"


def test_v1_sizes_are_those_of_table_1():
    entries = entries_of("mobilenet_v1")
    depthwise = [entry for layer, entry in entries.items() if layer.endswith("_dw")]
    before = [entries["conv1_act"].cost.shape[1:]]
    before += [entry.cost.shape[1:] for layer, entry in entries.items() if layer.endswith("pw_act")]
    assert before[:-1] == squares(V1_DEPTHWISE)
    assert before[-1] == (7, 7, 1024)
    strides = [entry.config["strides"] for entry in depthwise]
    assert strides == [1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1]


@pytest.mark.parametrize(
    ("width", "side", "macs", "params"),
    [
        (1.0, 224, 569, 4.2), (0.75, 224, 325, 2.6), (0.5, 224, 149, 1.3), (0.25, 224, 41, 0.5),
        (1.0, 192, 418, 4.2), (1.0, 160, 290, 4.2), (1.0, 128, 186, 4.2),
    ],
)  # fmt: skip
def test_v1_costs_are_those_of_tables_6_and_7(width, side, macs, params):
    costs = plan_of("mobilenet_v1", width=width, input_shape=(side, side, 3))
    assert costs.macs == pytest.approx(macs * 1e6, rel=0.01)
    assert round(costs.trainable / 1e6, 1) == params


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


def test_kernel_size_replaces_the_depthwise_filters_only():
    for name in NAMES:
        for layer, entry in entries_of(name, kernel_size=7).items():
            if entry.kind == "DepthwiseConv2D":
                assert entry.config["kernel_size"] == 7, layer
            elif entry.kind == "Conv2D":
                assert entry.config["kernel_size"] == (3 if layer == "conv1" else 1), layer


def test_the_small_stem_has_stride_1():
    for name in NAMES:
        small = plan_of(name, stem="small", input_shape=(32, 32, 3)).entries
        assert small["conv1"].cost.shape[1:3] == (32, 32)


def test_dropout_is_the_rows_unless_named():
    rates = {
        name: [e.config["rate"] for e in entries_of(name).values() if e.kind == "Dropout"]
        for name in NAMES
    }
    assert rates == {
        "mobilenet_v1": [], "mobilenet_v2": [0.2],
        "mobilenet_v3_large": [0.2], "mobilenet_v3_small": [0.2],
    }  # fmt: skip
    assert "dropout" not in entries_of("mobilenet_v2", dropout=0)
    assert entries_of("mobilenet_v3_small", dropout=0.5)["dropout"].config["rate"] == 0.5


def test_paddings():
    tensorflows = entries_of("mobilenet_v2", columns={"padding": "same"})
    assert not any(entry.kind == "ZeroPadding2D" for entry in tensorflows.values())
    assert tensorflows["conv1"].config["padding"] == "same"
    far = entries_of("mobilenet_v1")["separable3_1_dw_pad"].config["padding"]
    assert far == ((0, 1), (0, 1))
    for name in NAMES:
        with pytest.raises(UsageError, match="padding must be"):
            plan_of(name, columns={"padding": "valid"})


@pytest.mark.parametrize("name", NAMES)
def test_every_layer_with_weights_has_one_name_elsewhere(name):
    names = weighted_layers_of(name)
    for source, layout in layouts("mobilenet").items():
        # torchvision has none, and its file of keras.applications bears the names of today.
        if name == "mobilenet_v1" and source in ("torchvision", "keras_files"):
            assert layout(names) == {}
            continue
        found = layout(names)
        assert list(found) == names, source
        assert len(set(found.values())) == len(names), source


def test_names_elsewhere():
    def place(source, row, *layers):
        names = weighted_layers_of(row)
        found = layouts("mobilenet")[source](names)
        return [found[layer] for layer in layers]

    assert place("torchvision", "mobilenet_v2", "bottleneck2_1_dw", "bottleneck3_1_dw_bn") == [
        "features.1.conv.0.0", "features.2.conv.1.1"
    ]  # fmt: skip
    assert place("torchvision", "mobilenet_v2", "bottleneck8_1_project_bn", "conv_last_bn") == [
        "features.17.conv.3", "features.18.1"
    ]  # fmt: skip
    assert place("torchvision", "mobilenet_v3_small", "bneck2_1_se_reduce", "hidden") == [
        "features.1.block.1.fc1", "classifier.0"
    ]  # fmt: skip
    assert place("timm", "mobilenet_v3_large", "bneck2_1_project", "bneck3_1_project") == [
        "blocks.0.0.conv_pw", "blocks.1.0.conv_pwl"
    ]  # fmt: skip
    assert place("timm", "mobilenet_v3_large", "conv_last", "hidden") == [
        "blocks.6.0.conv", "conv_head"
    ]  # fmt: skip
    assert place("keras", "mobilenet_v1", "separable5_6_pw_bn", "predictions") == [
        "conv_pw_11_bn", "conv_preds"
    ]  # fmt: skip
    assert place("keras", "mobilenet_v2", "bottleneck2_1_dw_bn", "bottleneck3_2_expand_bn") == [
        "expanded_conv_depthwise_BN", "block_2_expand_BN"
    ]  # fmt: skip
    assert place("keras", "mobilenet_v3_small", "bneck4_1_se_expand", "predictions") == [
        "expanded_conv_3_squeeze_excite_conv_1", "logits"
    ]  # fmt: skip
