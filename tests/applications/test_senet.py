"""Squeeze-and-excitation networks against Tables 1 and 2 of Hu 2017."""

from __future__ import annotations

import pytest

from kerascnn.models.planning import minimum_size
from kerascnn.models.registry import model_info
from kerascnn.models.request import Request
from support.plans import entries_of, plan_of

# Table 1: the "fc" of a block in every stage.
GATES = ((16, 256), (32, 512), (64, 1024), (128, 2048))


# Table 2, GFLOPs; the paper counts batch norms and pools as well.
OPERATIONS = {
    "se_resnet50": 3.87,
    "se_resnet101": 7.60,
    "se_resnet152": 11.32,
    "se_resnext50_32x4d": 4.25,
    "se_resnext101_32x4d": 8.00,
}


@pytest.mark.parametrize("name", ["se_resnet50", "se_resnext50_32x4d"])
def test_table_1(name):
    entries = entries_of(name)
    inner = 1 if name == "se_resnet50" else 2
    for stage, (squeezed, excited) in enumerate(GATES, 2):
        size = 56 // 2 ** (stage - 2)
        for block in range(1, (3, 4, 6, 3)[stage - 2] + 1):
            prefix = f"conv{stage}_{block}"
            convs = [entries[f"{prefix}_conv{i}"].config["filters"] for i in (1, 2, 3)]
            assert convs == [excited // 4 * inner, excited // 4 * inner, excited]
            assert entries[f"{prefix}_se_reduce"].config["filters"] == squeezed
            assert entries[f"{prefix}_se_expand"].config["filters"] == excited
            assert entries[f"{prefix}_se_scale"].cost.shape == (None, size, size, excited)
            # The gate is on the branch, before the sum.
            sources = [edge.source for edge in entries[f"{prefix}_add"].inputs]
            assert sources[1] == f"{prefix}_se_scale"
    assert entries["features"].cost.shape == (None, 7, 7, 2048)


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_are_those_of_table_2(name):
    assert model_info(name).macs / 1e9 == pytest.approx(OPERATIONS[name], rel=0.006)


def test_gates_add_the_parameters_of_section_3():
    """About 2.5 million to ResNet-50: two matrices a block, with biases here."""
    added = model_info("se_resnet50").params - model_info("resnet50").params
    weights = sum(
        blocks * 2 * squeezed * excited
        for blocks, (squeezed, excited) in zip((3, 4, 6, 3), GATES, strict=True)
    )
    biases = sum(blocks * sum(gate) for blocks, gate in zip((3, 4, 6, 3), GATES, strict=True))
    assert added == weights + biases
    assert round(weights / 1e6, 1) == 2.5


def test_where_the_stride_is():
    def strides(name):
        network_plan = entries_of(name)
        return [network_plan[f"conv4_1_conv{i}"].config["strides"] for i in (1, 2, 3)]

    assert strides("se_resnet50") == [2, 1, 1]
    assert strides("se_resnext50_32x4d") == strides("senet154") == [1, 2, 1]
    # timm's seresnet50, measured.
    modern = {"stride_in": "3x3", "ceil_pool": False}
    network_plan = plan_of("se_resnet50", columns=modern)
    assert (network_plan.trainable, network_plan.macs) == (28_088_024, 4_091_699_200)


def test_small_networks_squeeze_to_8_at_least():
    entries = entries_of("se_resnet18")
    squeezed = [entries[f"conv{stage}_1_se_reduce"].config["filters"] for stage in (2, 3, 4, 5)]
    assert squeezed == [8, 8, 16, 32]


def test_the_pool_hangs_over_as_caffes():
    """ceil((112 - 3) / 2) + 1 = 56 from the edge, where ResNet pads; 55 makes 27, not 28."""
    assert entries_of("se_resnet50")["pool1"].cost.shape == (None, 56, 56, 64)
    odd = {"input_shape": (110, 110, 3)}
    assert entries_of("se_resnet50", **odd)["pool1"].cost.shape == (None, 27, 27, 64)
    assert entries_of("se_resnet18", **odd)["pool1"].cost.shape == (None, 28, 28, 64)
    assert minimum_size(model_info("se_resnet50"), Request()) == 3


def test_senet154():
    """The appendix: 3x3 stem and shortcuts, 64 groups, half the first 1x1, dropout 0.2."""
    entries = entries_of("senet154")
    assert [entries[f"conv1_{i}"].cost.shape[1:] for i in (1, 2, 3)] == [
        (112, 112, 64), (112, 112, 64), (112, 112, 128),
    ]  # fmt: skip
    convs = [entries[f"conv3_1_conv{i}"].config for i in (1, 2, 3)]
    assert [conv["filters"] for conv in convs] == [256, 512, 512]
    assert convs[1]["groups"] == 64
    kernels = [entries[f"conv{stage}_1_shortcut"].config["kernel_size"] for stage in (2, 3, 4, 5)]
    assert kernels == [1, 3, 3, 3]
    assert entries["dropout"].config["rate"] == 0.2
    assert "dropout" not in entries_of("senet154", dropout=0.0)
    assert entries_of("senet154", dropout=0.5)["dropout"].config["rate"] == 0.5
    assert "dropout" not in entries_of("se_resnet50")
    assert entries_of("senet154", stem="small")["conv1_3"].cost.shape == (None, 224, 224, 128)


@pytest.mark.parametrize("width", [0.25, 0.3, 1, 2])
def test_groups_keep_their_number(width):
    for stage in (2, 3, 4, 5):
        entries = entries_of("senet154", width=width)
        first, grouped = (entries[f"conv{stage}_1_conv{i}"].config for i in (1, 2))
        assert grouped["groups"] == 64
        assert first["filters"] % 64 == grouped["filters"] % 64 == 0
