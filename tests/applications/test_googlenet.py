"""GoogLeNet against Table 1 of its paper, and the lecture's example of a module."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn.applications import GoogLeNet
from kerascnn.applications.googlenet import Row, module
from kerascnn.errors import UsageError
from kerascnn.models.costs import Plan
from kerascnn.models.planning import minimum_size
from kerascnn.models.registry import Scale, model_info
from kerascnn.models.request import Request
from support.plans import entries_of, plan_of

NAMES = ["googlenet", "googlenet_bn"]


# Table 1: output size and millions of operations of each line.
TABLE_1 = {
    "conv1": (112, 112, 64, 34),
    "conv2": (56, 56, 192, 360),
    "3a": (28, 28, 256, 128),
    "3b": (28, 28, 480, 304),
    "4a": (14, 14, 512, 73),
    "4b": (14, 14, 512, 88),
    "4c": (14, 14, 512, 100),
    "4d": (14, 14, 528, 119),
    "4e": (14, 14, 832, 170),
    "5a": (7, 7, 832, 54),
    "5b": (7, 7, 1024, 71),
}


SLIPS = {"conv1": 118, "5a": 51}


def part(entries, label):
    """The layers of a line of Table 1."""
    if label == "conv2":
        return [entries["conv2_reduce"], entries["conv2"]]
    if label == "conv1":
        return [entries["conv1"]]
    return [entry for key, entry in entries.items() if key.startswith(f"inception_{label}")]


@pytest.mark.parametrize("label", TABLE_1)
def test_sizes_and_operations_are_those_of_table_1(label):
    layers = part(entries_of("googlenet"), label)
    *size, printed = TABLE_1[label]
    assert layers[-1].cost.shape == (None, *size)
    operations = sum(layer.cost.macs for layer in layers) / 1e6
    # The table cuts some figures off and rounds others.
    assert abs(operations - SLIPS.get(label, printed)) < 1


@pytest.mark.parametrize("name", NAMES)
def test_pools_round_up(name):
    entries = entries_of(name)
    pools = {key: entries[key].cost.shape[1] for key in ("pool1", "pool2", "pool3", "pool4")}
    assert pools == {"pool1": 56, "pool2": 28, "pool3": 14, "pool4": 7}


def test_the_naive_module_of_the_lecture():
    """CS231n, 28x28x256: 854M with plain filters; with bottlenecks the slide's terms are 271M."""
    area = 28 * 28
    columns = (128, 64, 192, 64, 96, 64)  # 1x1, reduce, 3x3, reduce, 5x5, pool projection
    naive, reduced = Plan(), Plan()
    wide = module(naive.image((28, 28, 256)), columns, "m", Row(module="naive"), Scale())
    slim = module(reduced.image((28, 28, 256)), columns, "m", Row(), Scale())
    assert wide.shape == (None, 28, 28, 672)
    assert slim.shape == (None, 28, 28, 480)
    assert naive.macs == area * 256 * (128 + 192 * 9 + 96 * 25) == 854_196_224
    terms = {
        "m_3x3_reduce": area * 64 * 256,
        "m_5x5_reduce": area * 64 * 256,
        "m_1x1": area * 128 * 256,
        "m_3x3": area * 192 * 9 * 64,
        "m_5x5": area * 96 * 25 * 64,
        "m_pool_proj": area * 64 * 256,
    }
    entries = reduced.entries
    assert {key: entries[key].cost.macs for key in terms} == terms
    assert reduced.macs == sum(terms.values()) == 271_351_808
    # The slide says 358M: its 3x3 term went in twice.
    assert reduced.macs + terms["m_3x3"] == 358_055_936


def test_a_naive_network_and_no_other_word():
    naive = plan_of("googlenet", columns={"module": "naive"})
    assert not [key for key in naive.entries if "inception" in key and "reduce" in key]
    assert naive.entries["inception_3a"].cost.shape == (None, 28, 28, 64 + 128 + 32 + 192)
    with pytest.raises(UsageError, match="'inception' or 'naive', got 'plain'"):
        plan_of("googlenet", columns={"module": "plain"})


@pytest.mark.parametrize(
    ("name", "params"), [("googlenet", 13_378_280), ("googlenet_bn", 13_004_888)]
)
def test_the_auxiliary_heads(name, params):
    network_plan = plan_of(name, columns={"auxiliary": True})
    assert network_plan.trainable == params
    entries = network_plan.entries
    for head, channels in ("aux1", 512), ("aux2", 528):
        assert entries[f"{head}_pool"].cost.shape == (None, 4, 4, channels)  # section 5
        assert entries[f"{head}_conv"].cost.shape == (None, 4, 4, 128)
        assert entries[f"{head}_fc"].cost.shape == (None, 1024)
        assert entries[f"{head}_dropout"].config["rate"] == 0.7
        assert entries[head].cost.shape == (None, 1000)
    assert entries["aux1_pool"].inputs[0].source == "inception_4a"
    assert entries["aux2_pool"].inputs[0].source == "inception_4d"


def test_auxiliary_outputs_follow_the_predictions():
    model = model_info("googlenet")(auxiliary=True, width=0.25, input_shape=(80, 80, 3), classes=5)
    assert [output.shape for output in model.outputs] == [(None, 5)] * 3
    assert list(model.output) == ["predictions", "aux1", "aux2"]


def test_a_network_with_auxiliary_heads_trains_with_kerass_own_fit():
    """Section 5 of the paper: their losses are weighted by 0.3 and added."""
    shape = (48, 48, 3)
    model = GoogLeNet(auxiliary=True, stem="small", width=0.125, input_shape=shape, classes=3)
    loss = "sparse_categorical_crossentropy"
    weights = {"predictions": 1.0, "aux1": 0.3, "aux2": 0.3}
    model.compile("sgd", dict.fromkeys(weights, loss), loss_weights=weights)
    images = np.random.default_rng(0).random((6, *shape), "float32")
    labels = np.arange(6) % 3
    log = model.fit(images, dict.fromkeys(weights, labels), batch_size=6, verbose=0).history
    parts = sum(weight * log[f"{name}_loss"][0] for name, weight in weights.items())
    assert log["loss"][0] == pytest.approx(parts, rel=1e-5)


@pytest.mark.parametrize("kernel", [3, 5, 7])
@pytest.mark.parametrize(("depth", "modules"), [(0.5, 1 + 3 + 1), (1, 9), (2, 18)])
@pytest.mark.parametrize("width", [0.25, 1, 2])
def test_depth_width_and_kernel_keep_the_sizes(depth, modules, width, kernel):
    changed = {"depth": depth, "width": width, "kernel_size": kernel}
    entries = entries_of("googlenet", columns={"auxiliary": True}, **changed)
    joins = [entry for entry in entries.values() if entry.kind == "Concatenate"]
    assert len(joins) == modules
    assert entries["features"].cost.shape == (None, 7, 7, 1024 * width)
    assert entries["inception_5b_5x5"].config["kernel_size"] == kernel


def test_torchvision_has_3x3_for_5x5_and_its_own_last_pool():
    entries = entries_of("googlenet_bn")
    assert entries["inception_4b_5x5"].config["kernel_size"] == 3
    assert entries["pool4"].config["pool_size"] == 2
    assert entries["conv1_bn"].config["epsilon"] == 1e-3
    assert not [key for key in entries if key.startswith("norm")]


# Backwards: pool4 needs 2, pool3 then 3, pool2 7, pool1 15 and conv1 31, each rounding up; the
# pools of 2x2 are content with 1.
@pytest.mark.parametrize(("name", "side"), [("googlenet", 31), ("googlenet_bn", 15)])
def test_the_smallest_image(name, side):
    assert minimum_size(model_info(name), Request()) == side


def test_any_size_and_the_small_stem():
    entries = plan_of("googlenet", input_shape=(None, None, 3)).entries
    assert entries["features"].cost.shape == (None, None, None, 1024)
    small = plan_of("googlenet", input_shape=(32, 32, 3), stem="small").entries
    assert [small[key].cost.shape[1] for key in ("conv1", "pool2", "pool3", "features")] == [
        32, 16, 8, 4,
    ]  # fmt: skip
