"""VGG against Tables 1 and 2 of its paper."""

from __future__ import annotations

import pytest

from kerascnn.errors import MismatchError
from kerascnn.models.planning import minimum_size
from kerascnn.models.registry import list_models, model_info
from kerascnn.models.request import Request
from support.plans import entries_of, plan_of

# Table 1, column by column, as the paper prints it.
TABLE_1 = {
    "vgg11": "conv3-64 | conv3-128 | conv3-256 conv3-256 | conv3-512 conv3-512 "
    "| conv3-512 conv3-512",
    "vgg11_lrn": "conv3-64 LRN | conv3-128 | conv3-256 conv3-256 | conv3-512 conv3-512 "
    "| conv3-512 conv3-512",
    "vgg13": "conv3-64 conv3-64 | conv3-128 conv3-128 | conv3-256 conv3-256 | conv3-512 conv3-512 "
    "| conv3-512 conv3-512",
    "vgg16_1x1": "conv3-64 conv3-64 | conv3-128 conv3-128 | conv3-256 conv3-256 conv1-256 "
    "| conv3-512 conv3-512 conv1-512 | conv3-512 conv3-512 conv1-512",
    "vgg16": "conv3-64 conv3-64 | conv3-128 conv3-128 | conv3-256 conv3-256 conv3-256 "
    "| conv3-512 conv3-512 conv3-512 | conv3-512 conv3-512 conv3-512",
    "vgg19": "conv3-64 conv3-64 | conv3-128 conv3-128 | conv3-256 conv3-256 conv3-256 conv3-256 "
    "| conv3-512 conv3-512 conv3-512 conv3-512 | conv3-512 conv3-512 conv3-512 conv3-512",
}


# Table 2, in millions.
TABLE_2 = {
    "vgg11": 133,
    "vgg11_lrn": 133,
    "vgg13": 133,
    "vgg16_1x1": 134,
    "vgg16": 138,
    "vgg19": 144,
}


@pytest.mark.parametrize("name", TABLE_1)
def test_the_columns_are_those_of_table_1(name):
    words = []
    for entry in entries_of(name).values():
        if entry.kind == "Conv2D":
            words.append(f"conv{entry.config['kernel_size']}-{entry.config['filters']}")
        elif entry.kind == "LocalResponseNormalization":
            words.append("LRN")
        elif entry.kind == "MaxPooling2D":
            words.append("|")
    assert " ".join(words) == TABLE_1[name] + " |"


@pytest.mark.parametrize("name", TABLE_2)
def test_parameters_are_those_of_table_2(name):
    assert round(plan_of(name).trainable / 1e6) == TABLE_2[name]


def test_sizes_of_column_d():
    shapes = {layer: entry.cost.shape[1:] for layer, entry in entries_of("vgg16").items()}
    assert {layer: shapes[layer] for layer in shapes if layer.startswith("pool")} == {
        "pool1": (112, 112, 64), "pool2": (56, 56, 128), "pool3": (28, 28, 256),
        "pool4": (14, 14, 512), "pool5": (7, 7, 512),
    }  # fmt: skip
    assert shapes["conv5_3"] == (14, 14, 512)
    assert [shapes[layer] for layer in ("flatten", "fc6", "fc7", "predictions")] == [
        (25088,), (4096,), (4096,), (1000,),
    ]  # fmt: skip


def test_batch_norm_stands_between_a_convolution_with_bias_and_its_relu():
    entries = entries_of("vgg11_bn")
    assert list(entries)[:4] == ["conv1_1", "conv1_1_bn", "conv1_1_act", "pool1"]
    assert entries["conv1_1"].config["use_bias"]
    assert entries["conv1_1"].config["activation"] is None
    assert entries["conv1_1_bn"].config["epsilon"] == 1e-5
    assert entries["conv1_1_bn"].config["momentum"] == 0.9


@pytest.mark.parametrize("kernel", [3, 5, 7])
@pytest.mark.parametrize(("depth", "count"), [(0.5, 1 + 1 + 2 + 2 + 2), (1, 13), (2, 26)])
@pytest.mark.parametrize("width", [0.25, 1, 2])
def test_depth_width_and_kernel_keep_the_sizes(depth, count, width, kernel):
    entries = entries_of("vgg16_1x1", depth=depth, width=width, kernel_size=kernel)
    convolutions = [entry for entry in entries.values() if entry.kind == "Conv2D"]
    assert len(convolutions) == count
    assert entries["features"].cost.shape == (None, 7, 7, 512 * width)
    sizes = [entry.config["kernel_size"] for entry in convolutions[-count // 5 :]]
    assert set(sizes) <= {kernel, 1}
    assert sizes[-1] == 1  # column C ends a stage with conv1, however deep


def test_the_smallest_image():
    assert minimum_size(model_info("vgg16"), Request()) == 32
    with pytest.raises(MismatchError, match="at least 32 x 32"):
        plan_of("vgg16", input_shape=(31, 64, 3))


def test_every_column_is_there():
    assert list_models(family="vgg") == sorted(
        [*TABLE_1, "vgg11_bn", "vgg13_bn", "vgg16_bn", "vgg19_bn"]
    )
