"""ResNets against Table 1 and Figure 3 of He 2015."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn.create import create_model
from kerascnn.errors import UsageError
from kerascnn.models.planning import minimum_size
from kerascnn.models.registry import model_info
from kerascnn.models.request import Request
from support.plans import entries_of, plan_of

# Table 1: output of conv1 and conv2_x to conv5_x, blocks, channels of a block's convolutions.
SIZES = (112, 56, 28, 14, 7)


BLOCKS = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}


TWO_LAYERS = ((64, 64), (128, 128), (256, 256), (512, 512))


THREE_LAYERS = ((64, 64, 256), (128, 128, 512), (256, 256, 1024), (512, 512, 2048))


# Table 1, last line, in 10^9; the paper cuts 3.86 and 3.66 off.
FLOPS = {18: 1.8, 34: 3.6, 50: 3.8, 101: 7.6, 152: 11.3}


def columns(name, **changes):
    return plan_of(name, columns=changes)


def shape(name, layer, **arguments):
    return entries_of(name, **arguments)[layer].cost.shape[1:]


@pytest.mark.parametrize("layers", BLOCKS)
def test_table_1(layers):
    entries = entries_of(f"resnet{layers}")
    assert entries["conv1"].cost.shape == (None, 112, 112, 64)
    assert entries["conv1"].config["kernel_size"] == 7
    assert entries["pool1"].cost.shape == (None, 56, 56, 64)
    channels = TWO_LAYERS if layers < 50 else THREE_LAYERS
    kernels = (3, 3) if layers < 50 else (1, 3, 1)
    for stage, (blocks, filters, size) in enumerate(
        zip(BLOCKS[layers], channels, SIZES[1:], strict=True), 2
    ):
        for block in range(1, blocks + 1):
            convs = [entries[f"conv{stage}_{block}_conv{i + 1}"] for i in range(len(kernels))]
            assert tuple(conv.config["filters"] for conv in convs) == filters
            assert tuple(conv.config["kernel_size"] for conv in convs) == kernels
            assert convs[-1].cost.shape == (None, size, size, filters[-1])
        assert f"conv{stage}_{blocks + 1}_conv1" not in entries
    # The name counts conv1, the branches and the classifier.
    weighted = [entry for entry in entries.values() if entry.kind in ("Conv2D", "Dense")]
    shortcuts = [name for name in entries if name.endswith("_shortcut")]
    assert len(weighted) - len(shortcuts) == layers
    assert shortcuts == [f"conv{stage}_1_shortcut" for stage in range(3 - (layers > 34), 6)]


@pytest.mark.parametrize("layers", FLOPS)
def test_operations_are_those_of_table_1(layers):
    assert abs(model_info(f"resnet{layers}").macs / 1e9 - FLOPS[layers]) < 0.1


def test_the_plain_network_is_the_residual_one_with_identity_shortcuts():
    """Figure 3: 3.6 billion for both, and section 3.3: A adds no parameters."""
    for layers in (18, 34):
        plain, residual = model_info(f"plain{layers}"), columns(f"resnet{layers}", shortcut="A")
        assert (plain.params, plain.macs) == (residual.trainable, residual.macs)
    entries = entries_of("plain34")
    assert not [entry for entry in entries.values() if entry.kind == "Add"]
    assert len([entry for entry in entries.values() if entry.kind == "Conv2D"]) == 33
    # Table 3 compares A, B and C: every step adds 1x1 convolutions.
    counts = [columns("resnet34", shortcut=kind).trainable for kind in "ABC"]
    kinds = {"B": (128 * 64, 256 * 128, 512 * 256), "norms": (128, 256, 512)}
    assert counts[1] - counts[0] == sum(kinds["B"]) + 2 * sum(kinds["norms"])
    same = 3 * (64**2 + 2 * 64) + 3 * (128**2 + 2 * 128) + 5 * (256**2 + 2 * 256)
    assert counts[2] - counts[1] == same + 2 * (512**2 + 2 * 512)


def test_where_the_stride_is():
    def strides(name):
        entries = entries_of(name)
        return [entries[f"conv4_1_conv{i}"].config["strides"] for i in (1, 2, 3)]

    assert strides("resnet50") == [2, 1, 1]
    assert strides("resnet50_v1_5") == [1, 2, 1]
    # keras.applications' v2 shrinks the last block of conv2_x, conv3_x and conv4_x.
    entries = entries_of("resnet50_v2")
    assert [
        name for name, entry in entries.items() if entry.config.get("strides") == 2
    ] == [
        "conv1", "pool1",
        "conv2_3_conv2", "conv2_3_shortcut_pool",
        "conv3_4_conv2", "conv3_4_shortcut_pool",
        "conv4_6_conv2", "conv4_6_shortcut_pool",
    ]  # fmt: skip
    assert shape("resnet50_v2", "conv2_3_add") == (28, 28, 256)
    assert shape("resnet50_v2", "features") == (7, 7, 2048)


def test_v2_normalises_before_every_convolution_and_has_a_bias_where_no_norm_follows():
    entries = entries_of("resnet50_v2")
    assert list(entries)[:9] == [
        "conv1_pad", "conv1", "pool1_pad", "pool1", "conv2_1_bn1", "conv2_1_act1",
        "conv2_1_conv1", "conv2_1_bn2", "conv2_1_act2",
    ]  # fmt: skip
    biased = {name for name, entry in entries.items() if entry.config.get("use_bias")}
    lasts = {
        f"conv{stage + 2}_{i + 1}_conv3" for stage, n in enumerate(BLOCKS[50]) for i in range(n)
    }
    shortcuts = {f"conv{stage}_1_shortcut" for stage in (2, 3, 4, 5)}
    assert biased == {"conv1", *lasts, *shortcuts}
    # The projection sees the normalised input, the identity the bare one.
    assert entries["conv2_1_shortcut"].inputs[0].source == "conv2_1_act1"
    assert entries["conv2_2_add"].inputs[0].source == "conv2_1_add"
    # Without biases and with the paper's stride it is the paper's (timm's resnetv2_50).
    paper = columns("resnet50_v2", biases=False, stride_at="first")
    assert (paper.trainable, paper.macs) == (25_549_352, 4_089_184_256)


def test_norms_are_the_twins():
    for name, epsilon in ("resnet18", 1e-5), ("resnet50", 1.001e-5), ("resnet50_v2", 1.001e-5):
        norms = [entry for entry in entries_of(name).values() if entry.kind == "BatchNormalization"]
        assert {(norm.config["epsilon"], norm.config["momentum"]) for norm in norms} == {
            (epsilon, 0.9)
        }


def test_zero_gamma_starts_the_last_norm_of_every_branch_at_zero():
    entries = columns("resnet50", zero_gamma=True).entries
    zeros = {
        name for name, entry in entries.items() if entry.config.get("gamma_initializer") == "zeros"
    }
    assert zeros == {name for name in entries if name.endswith("_conv3_bn")}
    assert len(zeros) == 16
    for name in "resnet50_v2", "plain18":
        with pytest.raises(UsageError, match="zero_gamma"):
            columns(name, zero_gamma=True)


def test_a_stem_for_small_images():
    entries = entries_of("resnet18", input_shape=(32, 32, 3), stem="small")
    assert entries["conv1"].cost.shape == (None, 32, 32, 64)
    assert entries["conv1"].config["kernel_size"] == 3
    assert "pool1" not in entries
    assert entries["features"].cost.shape == (None, 4, 4, 512)
    assert shape("resnet18", "features", input_shape=(32, 32, 3)) == (1, 1, 512)
    assert (
        list(entries_of("resnet50_v2", input_shape=(32, 32, 3), stem="small"))[1] == "conv2_1_bn1"
    )


def test_any_size_fits_even_unknown_ones():
    assert minimum_size(model_info("resnet50"), Request()) == 1
    assert shape("resnet50", "features", input_shape=(33, 97, 1)) == (2, 4, 2048)
    open_size = plan_of("resnet50", input_shape=(None, None, 3))
    assert (open_size.trainable, open_size.macs) == (25_557_032, None)


@pytest.mark.parametrize("kernel", [3, 5, 7])
@pytest.mark.parametrize("width", [0.25, 1, 2])
@pytest.mark.parametrize(
    ("depth", "blocks"), [(0.5, (2, 2, 3, 2)), (1, (3, 4, 6, 3)), (2, (6, 8, 12, 6))]
)
@pytest.mark.parametrize("name", ["resnet34", "resnet50", "resnet50_v2"])
def test_depth_width_and_kernel_keep_the_sizes(name, depth, blocks, width, kernel):
    entries = entries_of(name, depth=depth, width=width, kernel_size=kernel)
    ends = 512 if name == "resnet34" else 2048
    assert entries["features"].cost.shape == (None, 7, 7, ends * width)
    assert entries["conv1"].config["kernel_size"] == 7
    assert entries["conv3_1_conv2"].config["kernel_size"] == kernel
    for stage, count in enumerate(blocks, 2):
        assert f"conv{stage}_{count}_conv1" in entries
        assert f"conv{stage}_{count + 1}_conv1" not in entries


@pytest.mark.parametrize(
    ("name", "changes", "reason"),
    [
        ("resnet50", {"repeats": (3, 4)}, "one whole number"),
        ("resnet50", {"repeats": 3}, "one whole number"),
        ("resnet50", {"repeats": (3, 4, 0, 3)}, "one whole number"),
        ("resnet50", {"stride_in": "5x5"}, "stride_in must be one of 1x1, 3x3, got '5x5'"),
        ("resnet18", {"groups": 32}, 'need block="bottleneck"'),
        ("resnet18", {"shortcut": "A", "channels": (64, 32, 64, 64)}, "fewer channels"),
    ],
)  # fmt: skip
def test_senseless_columns_are_refused(name, changes, reason):
    with pytest.raises(UsageError, match=reason):
        columns(name, **changes)


def test_a_row_read_back_from_json_is_the_same_network():
    assert columns("resnet18", repeats=[2, 2, 2, 2]).trainable == model_info("resnet18").params


def test_stochastic_depth_grows_in_proportion_and_skips_whole_samples():
    """Huang 2016, equation (4): block l of L survives with probability 1 - l/L (1 - p_L)."""
    model = create_model(
        "resnet18", input_shape=(32, 32, 3), width=0.125, stochastic_depth=0.4, stem="small"
    )
    rates = [layer.rate for layer in model.layers if layer.name.endswith("_drop")]
    assert rates == pytest.approx([0.4 * block / 8 for block in range(1, 9)])
    drop = model.get_layer("conv5_2_drop")
    kept = np.asarray(drop(np.ones((500, 2, 2, 3), "float32"), training=True)).reshape(500, -1)
    assert set(np.unique(kept.round(5))) == {0.0, np.float32(1 / 0.6).round(5)}
    assert (kept.min(1) == kept.max(1)).all()  # a sample is left out as a whole
    assert (kept[:, 0] == 0).mean() == pytest.approx(0.4, abs=0.08)


@pytest.mark.parametrize(("row", "rate"), [("resnet18", 1.0), ("resnet18", -0.1), ("plain18", 0.1)])
def test_stochastic_depth_that_makes_no_sense(row, rate):
    with pytest.raises(UsageError, match="stochastic_depth"):
        columns(row, stochastic_depth=rate)


def test_pre_activation_selects_the_version_and_its_columns():
    taken = columns("resnet50_v1_5", pre_activation=True, stride_at="last", biases=True)
    twin = model_info("resnet50_v2")
    assert (taken.trainable, taken.macs) == (twin.params, twin.macs)
    back = columns("wrn16_8", pre_activation=False, zero_gamma=True).entries
    assert back["conv2_1_conv2_bn"].config["gamma_initializer"] == "zeros"
    # A column of the other version at its default says nothing; older files record such columns.
    for changes in ({"stride_at": "first", "biases": False}, {"pre_activation": False}):
        assert columns("resnet50", **changes).entries.keys() == entries_of("resnet50").keys()
    unchanged = columns("resnet50_v2", zero_gamma=False, shortcut_kernel=1, half_first=False)
    assert unchanged.entries.keys() == entries_of("resnet50_v2").keys()


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("resnet50", {"biases": True}, "resnet50 has no argument 'biases'"),
        ("resnet50", {"stride_at": "last"}, "resnet50 has no argument 'stride_at'"),
        ("resnet50_v2", {"half_first": True}, "resnet50_v2 has no argument 'half_first'"),
        ("resnet50_v2", {"pre_activation": False}, "stride_at='last' of this row"),
        ("senet154", {"pre_activation": True}, "half_first=True of this row"),
    ],
)
def test_columns_of_the_other_version_are_refused(name, changes, message):
    with pytest.raises(UsageError, match=message):
        columns(name, **changes)
