"""The Inceptions against their papers' tables and figures, and their names elsewhere."""

from __future__ import annotations

import re

import pytest

from kerascnn.errors import MismatchError
from kerascnn.models.planning import minimum_size
from kerascnn.models.registry import model_info
from kerascnn.models.request import Request
from kerascnn.weights.expected_shapes import expected
from kerascnn.weights.name_maps import layouts
from support.plans import entries_of, plan_of, shapes_of

NAMES = ("inception_v3", "inception_v4", "inception_resnet_v2")


def test_inception_v3_has_the_sizes_of_table_1():
    made = shapes_of("inception_v3")
    # arXiv:1512.00567, Table 1, but for the released network's second half of the stem.
    assert made["stem_1"] == (149, 149, 32)
    assert made["stem_2"] == (147, 147, 32)
    assert made["stem_3"] == (147, 147, 64)
    assert made["stem_4"] == (73, 73, 64)
    assert made["stem_5"] == (73, 73, 80)
    assert made["stem_6"] == (71, 71, 192)
    assert made["stem_7"] == (35, 35, 192)
    assert [made[f"a{i}"] for i in (1, 2, 3)] == [(35, 35, 256), (35, 35, 288), (35, 35, 288)]
    assert made["reduction_a"] == (17, 17, 768)
    assert {made[f"b{i}"] for i in (1, 2, 3, 4)} == {(17, 17, 768)}
    assert made["reduction_b"] == (8, 8, 1280)
    assert made["c1"] == made["c2"] == made["features"] == (8, 8, 2048)
    assert "a4" not in made
    assert "b5" not in made
    assert "c3" not in made


def test_inception_v4_has_the_sizes_of_figures_3_and_9():
    made = shapes_of("inception_v4")
    stem = [(149, 149, 32), (147, 147, 32), (147, 147, 64), (73, 73, 160), (71, 71, 192)]
    assert [made[f"stem_{i}"] for i in range(1, 6)] == stem
    assert made["stem_6"] == (35, 35, 384)
    for stage, count, shape, reduced in (
        ("a", 4, (35, 35, 384), (17, 17, 1024)),
        ("b", 7, (17, 17, 1024), (8, 8, 1536)),
        ("c", 3, (8, 8, 1536), None),
    ):
        modules = [layer for layer in made if re.fullmatch(rf"{stage}\d+", layer)]
        assert len(modules) == count
        assert {made[layer] for layer in modules} == {shape}
        assert made.get(f"reduction_{stage}") == reduced


def test_inception_resnet_v2_is_the_released_network():
    entries = entries_of("inception_resnet_v2")
    made = {layer: entry.cost.shape[1:] for layer, entry in entries.items()}
    assert made["stem_8"] == (35, 35, 320)
    assert made["reduction_a"] == (17, 17, 1088)
    assert made["reduction_b"] == (8, 8, 2080)
    assert made["features"] == (8, 8, 1536)
    factors = [entry.config["scale"] for entry in entries.values() if entry.kind == "Rescaling"]
    assert factors == [0.17] * 10 + [0.1] * 20 + [0.2] * 9 + [1.0]
    assert "c9_act" in made
    assert "tail_1_act" not in made


def test_torchvisions_inception_v3_has_gammas_and_an_auxiliary_head():
    columns = {"gamma": True, "auxiliary": True}
    # Inception_V3_Weights.IMAGENET1K_V1.meta["num_params"]
    assert plan_of("inception_v3", columns=columns).trainable == 27_161_264
    made = shapes_of("inception_v3", columns=columns)
    assert made["aux1_pool"] == (5, 5, 768)  # Figure 8
    assert made["aux1_conv2"] == (1, 1, 768)
    with pytest.raises(MismatchError, match="at least 299"):
        plan_of("inception_v3", columns=columns, input_shape=(200, 200, 3))


@pytest.mark.parametrize("name", NAMES)
def test_smallest_image(name):
    assert minimum_size(model_info(name), Request()) == 75  # as in keras.applications
    with pytest.raises(MismatchError, match="at least 75"):
        plan_of(name, input_shape=(74, 74, 3))


@pytest.mark.parametrize("name", NAMES)
def test_the_small_stem_keeps_the_size(name):
    made = shapes_of(name, stem="small", input_shape=(32, 32, 3))
    assert made["reduction_a"][:2] == (15, 15)
    assert made["features"][:2] == (7, 7)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [1, 5, 7])
def test_the_filter_size_keeps_the_shapes(name, size):
    def borders_apart(made):
        return {layer: shape for layer, shape in made.items() if layer[-4:] not in ("_pad", "crop")}

    assert borders_apart(shapes_of(name, kernel_size=size)) == borders_apart(shapes_of(name))


def test_depth_repeats_modules_in_their_place():
    made = shapes_of("inception_v3", depth=2)
    assert [made[f"a{i}"][-1] for i in range(1, 7)] == [256, 256, 288, 288, 288, 288]
    assert "b8" in made
    assert "b9" not in made
    made = shapes_of("inception_resnet_v2", depth=0.5)
    assert "a5_add" in made
    assert "a6_add" not in made
    assert "tail_1_add" in made


def test_any_size_at_run_time():
    assert shapes_of("inception_resnet_v2", input_shape=(None, None, 3))["features"][-1] == 1536


@pytest.mark.parametrize(
    ("name", "source", "arguments"),
    [
        ("inception_v3", "keras", {}),
        ("inception_v3", "torchvision", {"columns": {"auxiliary": True}}),
        ("inception_v3", "timm", {"depth": 2}),
        ("inception_v4", "timm", {}),
        ("inception_v4", "timm", {"depth": 1.5}),
        ("inception_resnet_v2", "keras", {"depth": 0.5}),
    ],
)
def test_every_layer_has_a_name_of_its_own_elsewhere(name, source, arguments):
    layers = list(expected(plan_of(name, **arguments)))
    found = layouts("inception")[source](layers)
    assert list(found) == layers or set(found) == set(layers)
    assert len(set(found.values())) == len(layers)


def test_names_elsewhere():
    layers = list(expected(plan_of("inception_v3")))
    keras = layouts("inception")["keras"](layers)
    assert keras["stem_1"] == "conv2d"
    assert keras["c2_b4_2"] == "conv2d_93"  # 94 convolutions
    assert keras["c2_b4_2_bn"] == "batch_normalization_93"
    torchvision = layouts("inception")["torchvision"](layers)
    assert torchvision["stem_1"] == "Conv2d_1a_3x3.conv"
    assert torchvision["a2_b3_2_bn"] == "Mixed_5c.branch3x3dbl_2.bn"
    assert torchvision["reduction_a_b1_1"] == "Mixed_6a.branch3x3.conv"
    assert torchvision["b4_b3_5"] == "Mixed_6e.branch7x7dbl_5.conv"
    assert torchvision["c1_b2_2_b2_1"] == "Mixed_7b.branch3x3_2b.conv"
    layers = list(expected(plan_of("inception_v4")))
    timm = layouts("inception")["timm"](layers)
    assert timm["stem_4_b2_1"] == "features.3.conv.conv"
    assert timm["stem_5_b2_4_bn"] == "features.4.branch1.3.bn"
    assert timm["a1_b1_1"] == "features.6.branch0.conv"
    assert timm["reduction_b_b1_2"] == "features.18.branch0.1.conv"
    assert timm["c3_b3_4_b1_1"] == "features.21.branch2_3a.conv"
    layers = list(expected(plan_of("inception_resnet_v2")))
    keras = layouts("inception")["keras"](layers)
    assert keras["b20_up"] == "block17_20_conv"
    assert keras["tail_1_up"] == "block8_10_conv"
    assert keras["tail_2_bn"] == "conv_7b_bn"
