"""AlexNet against the figures of its paper, and what ZFNet shares with it."""

from __future__ import annotations

import pytest

from kerascnn.applications import blocks
from kerascnn.errors import MismatchError
from kerascnn.models.planning import minimum_size
from kerascnn.models.registry import model_info
from kerascnn.models.request import Request
from support.plans import entries_of, plan_of, shapes_of

NAMES = ["alexnet", "alexnet_single", "alexnet_owt"]


@pytest.mark.parametrize("name", ["alexnet", "alexnet_single"])
def test_sizes_are_those_of_figure_2(name):
    shapes = shapes_of(name)
    assert {layer: shapes[layer] for layer in shapes if layer[:4] in ("conv", "pool")} == {
        "conv1": (55, 55, 96), "pool1": (27, 27, 96),
        "conv2": (27, 27, 256), "pool2": (13, 13, 256),
        "conv3": (13, 13, 384), "conv4": (13, 13, 384), "conv5": (13, 13, 256),
        "pool5": (6, 6, 256),
    }  # fmt: skip
    assert shapes["features"] == (6, 6, 256)
    assert [shapes[layer] for layer in ("fc6", "fc7", "predictions")] == [(4096,), (4096,), (1000,)]


def test_the_two_towers_halve_the_weights_of_conv2_conv4_and_conv5():
    params = {layer: entry.cost.trainable for layer, entry in entries_of("alexnet").items()}
    assert {layer: params[layer] for layer in ("conv1", "conv2", "conv3", "conv4", "conv5")} == {
        "conv1": 11 * 11 * 3 * 96 + 96,
        "conv2": 5 * 5 * 48 * 256 + 256,  # section 3.5: 256 kernels of 5x5x48
        "conv3": 3 * 3 * 256 * 384 + 384,  # 384 kernels of 3x3x256
        "conv4": 3 * 3 * 192 * 384 + 384,  # 384 kernels of 3x3x192
        "conv5": 3 * 3 * 192 * 256 + 256,  # 256 kernels of 3x3x192
    }
    # "60 million parameters and 650,000 neurons", the abstract.
    assert sum(params.values()) == 60_965_224
    neurons = [55 * 55 * 96, 27 * 27 * 256, 13 * 13 * 384, 13 * 13 * 384, 13 * 13 * 256, 9192]
    assert 650_000 < sum(neurons) < 660_000


def test_normalisation_stands_before_the_pool_in_the_paper_and_behind_it_in_the_lecture():
    paper, lecture = list(entries_of("alexnet")), list(entries_of("alexnet_single"))
    assert paper[:6] == ["conv1", "norm1", "pool1", "conv2", "norm2", "pool2"]
    assert lecture[:6] == ["conv1", "pool1", "norm1", "conv2", "pool2", "norm2"]
    config = entries_of("alexnet")["norm1"].config  # section 3.3: k = 2, n = 5, alpha, beta
    assert config == {"radius": 2, "bias": 2.0, "alpha": 1e-4, "beta": 0.75}
    assert not [layer for layer in entries_of("alexnet_owt") if layer.startswith("norm")]


def test_the_start_of_section_5_is_an_option():
    entries = entries_of("alexnet", columns={"stddev": 0.01})
    ones = {
        layer for layer, entry in entries.items() if entry.config.get("bias_initializer") == "ones"
    }
    assert ones == {"conv2", "conv4", "conv5", "fc6", "fc7"}
    for layer in ("conv1", "conv5", "fc7", "predictions"):
        assert entries[layer].config["kernel_initializer"]["config"]["stddev"] == 0.01
    assert entries_of("alexnet")["fc6"].config == {
        "units": 4096, "activation": "relu", "kernel_initializer": blocks.HE,
        "bias_initializer": "zeros",
    }  # fmt: skip
    for stddev, kernel in (None, blocks.HE), (0.01, blocks.normal(0.01)):
        entries = entries_of("zfnet", columns={"stddev": stddev})
        assert entries["conv3"].config["kernel_initializer"] == kernel
        assert entries["fc7"].config["kernel_initializer"] == kernel


def test_dropout_is_the_papers_unless_another_is_given():
    assert entries_of("alexnet")["fc6_dropout"].config["rate"] == 0.5
    assert entries_of("alexnet", dropout=0.2)["fc7_dropout"].config["rate"] == 0.2
    assert "fc7_dropout" not in entries_of("alexnet", dropout=0.0)


def test_torchvisions_sizes():
    shapes = shapes_of("alexnet_owt")
    assert [shapes[f"conv{number}"] for number in range(1, 6)] == [
        (55, 55, 64), (27, 27, 192), (13, 13, 384), (13, 13, 256), (13, 13, 256),
    ]  # fmt: skip
    assert shapes["features"] == (6, 6, 256)


@pytest.mark.parametrize("name", [*NAMES, "zfnet"])
@pytest.mark.parametrize("kernel", [3, 5, 7])
@pytest.mark.parametrize("depth", [0.5, 1, 2])
@pytest.mark.parametrize("width", [0.25, 1, 2])
def test_depth_width_and_kernel_keep_the_sizes(name, depth, width, kernel):
    shapes = shapes_of(name, depth=depth, width=width, kernel_size=kernel)
    assert shapes["features"] == (6, 6, 256 * width)
    convolutions = [layer for layer in shapes if layer.startswith("conv") and "_" not in layer]
    copies = [layer for layer in shapes if layer.startswith("conv") and layer.endswith("_2")]
    assert len(convolutions) == (4 if depth == 0.5 else 5)
    assert len(copies) == (5 if depth == 2 else 0)
    assert shapes["fc7"] == (4096 * width,)


@pytest.mark.parametrize("name", [*NAMES, "zfnet"])
def test_the_small_stem_keeps_a_small_image(name):
    shapes = shapes_of(name, stem="small", input_shape=(32, 32, 3))
    assert shapes["conv1"][:2] == (32, 32)
    assert shapes["features"][:2] == ((3, 3) if name == "zfnet" else (7, 7))
    assert model_info(name).small_stem


# Backwards: pool5 needs 3, pool2 then 7, conv2 and pool1 15, conv1 15 * 4 - 4 + 11 = 67.
@pytest.mark.parametrize(("name", "side"), [("alexnet", 67), ("alexnet_owt", 63)])
def test_the_smallest_image(name, side):
    assert minimum_size(model_info(name), Request()) == side
    with pytest.raises(MismatchError, match=f"at least {side} x {side}"):
        plan_of(name, input_shape=(side - 1, side, 3))


def test_any_size_without_the_top_and_a_fixed_one_with_it():
    open_size = (None, None, 3)
    assert shapes_of("zfnet", include_top=False, input_shape=open_size)["features"] == (
        None,
        None,
        256,
    )
    with pytest.raises(MismatchError, match="fixed height and width"):
        plan_of("alexnet", input_shape=open_size)
