"""The blocks of every family, as they stand in its networks, against NumPy.

A small network of the family gets seeded weights; what one block makes of its input, both taken
from the network on its way, must be what the paper's formula makes of it.
"""

from __future__ import annotations

from functools import partial

import keras
import numpy as np
import pytest

from kerascnn import create_model
from support import seeded_weights
from support.reference import networks, pooling
from support.reference.activations import hard_sigmoid, hard_swish, relu
from support.reference.networks import Weights
from support.reference.normalization import across_channels

TOLERANCE = 1e-5
SMALL = {"input_shape": (32, 24, 3), "width": 0.25, "classes": 10}


def tapped(row: str, names: list[str], **arguments: object) -> tuple[Weights, list[np.ndarray]]:
    """Returns the seeded weights of a network and the results of some of its layers."""
    keras.utils.clear_session()
    model = create_model(row, **arguments)
    weights = seeded_weights.fill(model)
    outputs = keras.Model(model.inputs[0], [model.get_layer(name).output for name in names])
    images = seeded_weights.images("networks", (2, *model.input_shape[1:]))
    outputs_by_layer = keras.tree.flatten(outputs(images))
    return weights, [np.asarray(array, np.float64) for array in outputs_by_layer]


def assert_equal(got: np.ndarray, wanted: np.ndarray) -> None:
    assert got.shape == wanted.shape
    np.testing.assert_allclose(got, wanted, rtol=0, atol=TOLERANCE * np.abs(wanted).max())


V3 = {"epsilon": 1e-3, "gate": hard_sigmoid}
CASES = {
    # name: row, arguments, input, output, formula
    "resnet18 projects": (
        "resnet18", {"depth": 0.25}, "conv2_1_out", "conv3_1_out",
        partial(networks.residual, name="conv3_1", strides=(2, 1)),
    ),
    "resnet18 passes": (
        "resnet18", {}, "conv2_1_out", "conv2_2_out",
        partial(networks.residual, name="conv2_2", strides=(1, 1)),
    ),
    "resnet50 strides in the first 1x1": (
        "resnet50", {"depth": 0.25}, "conv2_1_out", "conv3_1_out",
        partial(networks.residual, name="conv3_1", strides=(2, 1, 1), epsilon=1.001e-5),
    ),
    "resnet50_v1_5 strides in the 3x3": (
        "resnet50_v1_5", {"depth": 0.25}, "conv2_1_out", "conv3_1_out",
        partial(networks.residual, name="conv3_1", strides=(1, 2, 1)),
    ),
    "resnet50_v2 projects": (
        "resnet50_v2", {"depth": 0.5}, "pool1", "conv2_1_add",
        partial(networks.pre_activated, name="conv2_1", strides=(1, 1, 1), epsilon=1.001e-5),
    ),
    "resnet50_v2 strides last": (
        "resnet50_v2", {"depth": 0.5}, "conv2_1_add", "conv2_2_add",
        partial(networks.pre_activated, name="conv2_2", strides=(1, 2, 1), epsilon=1.001e-5),
    ),
    "resnet20_cifar pads channels": (
        "resnet20_cifar", {"depth": 0.34}, "conv2_1_out", "conv3_1_out",
        partial(networks.residual, name="conv3_1", strides=(2, 1)),
    ),
    "wrn16_8": (
        "wrn16_8", {"depth": 0.5, "width": 0.0625}, "conv2_1_add", "conv3_1_add",
        partial(networks.pre_activated, name="conv3_1", strides=(2, 1)),
    ),
    "resnext50_32x4d": (
        "resnext50_32x4d", {"depth": 0.25}, "pool1", "conv2_1_out",
        partial(networks.residual, name="conv2_1", strides=(1, 1, 1), groups=32),
    ),
    "se_resnet50": (
        "se_resnet50", {"depth": 0.25}, "conv2_1_out", "conv3_1_out",
        partial(networks.residual, name="conv3_1", strides=(2, 1, 1), squeeze=True),
    ),
    "senet154": (
        "senet154", {"depth": 0.1, "width": 0.5}, "pool1", "conv2_1_out",
        partial(networks.residual, name="conv2_1", strides=(1, 1, 1), groups=64, squeeze=True),
    ),
    "googlenet": (
        "googlenet", {"input_shape": (48, 40, 3)}, "pool2", "inception_3a",
        partial(networks.inception, name="inception_3a"),
    ),
    "inception_v3": (
        "inception_v3", {"input_shape": (75, 80, 3), "width": 0.125}, "reduction_b", "c1",
        partial(networks.factorized_inception, name="c1"),
    ),
    "inception_resnet_v2": (
        "inception_resnet_v2", {"input_shape": (75, 80, 3), "width": 0.125, "depth": 0.05},
        "reduction_a", "b1_act",
        partial(networks.inception_residual, name="b1", factor=0.1),
    ),
    "densenet121 layer": (
        "densenet121", {"input_shape": (40, 33, 3), "depth": 0.25},
        "dense1_1_concat", "dense1_2_concat",
        partial(networks.dense_layer, name="dense1_2"),
    ),
    "densenet121 transition": (
        "densenet121", {"input_shape": (40, 33, 3), "depth": 0.25},
        "dense1_2_concat", "transition1_pool",
        partial(networks.transition, name="transition1"),
    ),
    "mobilenet_v1": (
        "mobilenet_v1", {"input_shape": (64, 48, 3), "depth": 0.5},
        "separable2_1_pw_act", "separable3_1_pw_act",
        partial(networks.separable, name="separable3_1", stride=2),
    ),
    "mobilenet_v2 strides": (
        "mobilenet_v2", {"depth": 0.5, "width": 0.5}, "bottleneck2_1_project_bn",
        "bottleneck3_1_project_bn",
        partial(networks.inverted_residual, name="bottleneck3_1", stride=2, epsilon=1e-5),
    ),
    "mobilenet_v2 passes": (
        "mobilenet_v2", {"width": 0.5}, "bottleneck3_1_project_bn", "bottleneck3_2_add",
        partial(networks.inverted_residual, name="bottleneck3_2", stride=1, epsilon=1e-5),
    ),
    "mobilenet_v3_small with ReLU": (
        "mobilenet_v3_small", {}, "conv1_act", "bneck2_1_project_bn",
        partial(networks.inverted_residual, name="bneck2_1", stride=2, act=relu, **V3),
    ),
    "mobilenet_v3_small with hard swish": (
        "mobilenet_v3_small", {}, "bneck4_1_project_bn", "bneck4_2_add",
        partial(networks.inverted_residual, name="bneck4_2", stride=1, act=hard_swish, **V3),
    ),
    "efficientnet_b0": (
        "efficientnet_b0", {"depth": 0.25}, "mbconv2_1_add", "mbconv3_1_project_bn",
        partial(networks.efficient, name="mbconv3_1", stride=2),
    ),
    "shufflenet_v1_g3 strides": (
        "shufflenet_v1_g3", {}, "stage2_4_relu", "stage3_1_relu",
        partial(networks.shuffle_unit, name="stage3_1", stride=2, groups=3),
    ),
    "shufflenet_v1_g3 passes": (
        "shufflenet_v1_g3", {}, "stage3_1_relu", "stage3_2_relu",
        partial(networks.shuffle_unit, name="stage3_2", stride=1, groups=3),
    ),
    "shufflenet_v2 strides": (
        "shufflenet_v2_x0_5", {}, "pool1", "stage2_1_shuffle",
        partial(networks.shuffle_unit_v2, name="stage2_1", stride=2),
    ),
    "shufflenet_v2 passes": (
        "shufflenet_v2_x0_5", {}, "stage2_1_shuffle", "stage2_2_shuffle",
        partial(networks.shuffle_unit_v2, name="stage2_2", stride=1),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_block(case: str) -> None:
    row, arguments, entry, exit_, formula = CASES[case]
    w, (x, y) = tapped(row, [entry, exit_], **{**SMALL, **arguments})
    assert_equal(y, formula(x, w))


def test_nasnet_cells() -> None:
    names = ["stage1_cell1", "stage1_cell2", "reduction1", "stage2_cell1"]
    names += ["stem1", "stem2", "stem_bn"]
    arguments = {**SMALL, "input_shape": (40, 51, 3), "depth": 0.5, "width": 0.1}
    w, outputs_by_layer = tapped("nasnet_mobile", names, **arguments)
    by_name = dict(zip(names, outputs_by_layer, strict=True))
    wanted = networks.normal_cell(by_name["stage1_cell1"], by_name["stem2"], w, "stage1_cell2")
    assert_equal(by_name["stage1_cell2"], wanted)
    wanted = networks.reduction_cell(by_name["stem1"], by_name["stem_bn"], w, "stem2")
    assert_equal(by_name["stem2"], wanted)


def test_alphago() -> None:
    w, (scores,) = tapped(
        "alphago_policy", ["predictions"], input_shape=(7, 7, 4), width=0.05,
        classifier_activation=None,
    )  # fmt: skip
    x = seeded_weights.images("networks", (2, 7, 7, 4))
    assert_equal(scores, networks.alphago(x, w))


def test_alexnet_up_to_its_first_grouped_convolution() -> None:
    w, (y,) = tapped("alexnet", ["conv2"], input_shape=(67, 67, 3), width=0.25, classes=10)
    x = seeded_weights.images("networks", (2, 67, 67, 3))
    x = relu(networks.conv(x, w, "conv1", 4, pad=0))
    x = pooling.maximum(across_channels(x, 5), 3, 2)
    assert_equal(y, relu(networks.conv(x, w, "conv2", groups=2)))
