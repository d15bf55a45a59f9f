"""DenseNet against Tables 1 and 2 of its paper."""

from __future__ import annotations

import pytest

from kerascnn.models.planning import minimum_size
from kerascnn.models.registry import model_info
from kerascnn.models.request import Request
from support.plans import entries_of, plan_of

IMAGENET = ["densenet121", "densenet161", "densenet169", "densenet201"]


CIFAR = ["densenet_bc100_12", "densenet_bc190_40"]


@pytest.mark.parametrize(
    ("name", "layers"),
    [
        ("densenet121", 121), ("densenet161", 161), ("densenet169", 169), ("densenet201", 201),
        ("densenet_bc100_12", 100), ("densenet_bc190_40", 190),
    ],
)  # fmt: skip
def test_the_name_counts_the_convolutions_and_the_classifier(name, layers):
    kinds = [entry.kind for entry in entries_of(name).values()]
    assert kinds.count("Conv2D") + kinds.count("Dense") == layers


@pytest.mark.parametrize("name", IMAGENET)
def test_sizes_are_those_of_table_1(name):
    shapes = {layer: entry.cost.shape for layer, entry in entries_of(name).items()}
    row = model_info(name).row
    assert shapes["conv0"] == (None, 112, 112, row.first)
    assert shapes["pool0"] == (None, 56, 56, row.first)
    channels = row.first
    for block, side in enumerate((56, 28, 14, 7), 1):
        channels += row.layers[block - 1] * row.growth
        last = f"dense{block}_{row.layers[block - 1]}"
        assert shapes[f"{last}_concat"] == (None, side, side, channels)
        assert shapes[f"{last}_conv1"][-1] == 4 * row.growth  # bottleneck of 4k
        assert shapes[f"{last}_conv2"][-1] == row.growth
        if block < 4:
            channels //= 2  # a compression of 0.5
            assert shapes[f"transition{block}_pool"] == (None, side // 2, side // 2, channels)
    assert shapes["relu"] == (None, 7, 7, channels)


@pytest.mark.parametrize(("name", "millions"), [(CIFAR[0], 0.8), (CIFAR[1], 25.6)])
def test_parameters_are_those_of_table_2(name, millions):
    assert round(plan_of(name).trainable / 1e6, 1) == millions


def test_the_cifar_networks_have_three_blocks_of_32_16_and_8():
    shapes = {layer: entry.cost.shape for layer, entry in entries_of("densenet_bc100_12").items()}
    assert shapes["conv0"] == (None, 32, 32, 24)  # 2k
    assert [shapes[f"dense{block}_16_concat"][1:] for block in (1, 2, 3)] == [
        (32, 32, 216), (16, 16, 300), (8, 8, 342)
    ]  # fmt: skip


def test_width_scales_growth_and_first_depth_the_layers_of_every_block():
    narrow = entries_of("densenet121", width=0.5, depth=0.5, kernel_size=5)
    assert narrow["conv0"].cost.shape == (None, 112, 112, 32)
    assert narrow["dense1_1_conv2"].cost.shape == (None, 56, 56, 16)
    assert narrow["dense1_1_conv2"].config["kernel_size"] == 5
    assert narrow["dense1_1_conv1"].config["kernel_size"] == 1
    layers = [sum(name.startswith(f"dense{b}_") for name in narrow) // 7 for b in range(1, 5)]
    assert layers == [3, 6, 12, 8]


def test_the_small_stem_keeps_small_images():
    small = entries_of("densenet121", stem="small", input_shape=(32, 32, 3))
    assert small["conv0"].cost.shape == (None, 32, 32, 64)
    assert "pool0" not in small
    assert small["relu"].cost.shape[1:3] == (4, 4)


def test_the_smallest_image_is_torchvisions():
    assert [minimum_size(model_info(name), Request()) for name in IMAGENET] == [29] * 4
