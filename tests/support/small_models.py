"""A small network of every family, for tests that build them all."""

from __future__ import annotations

from typing import Any

from kerascnn.models.planning import minimum_size
from kerascnn.models.registry import model_info
from kerascnn.models.request import Request

# A row of every family, narrow; AlexNet and SE have grouped convolutions, NASNet odd poolings.
ROWS = [
    "alexnet", "alphago_policy", "convnet", "densenet_bc100_12", "efficientnet_b0", "fcn16s",
    "googlenet", "inception_v3", "lenet5", "lenet5_1998", "mobilenet_v1", "mobilenet_v3_small",
    "nasnet_mobile", "resnet20_cifar", "resnet50_v2", "resnext29_8x64d", "se_resnet18",
    "shufflenet_v1_g3", "shufflenet_v2_x0_5", "vgg11_bn", "wrn16_8", "zfnet",
]  # fmt: skip
FIXED = ("lenet5_1998",)
# Long stages show no more than short ones, and JAX takes seconds a dozen layers to compile.
SHALLOW = {
    "densenet_bc100_12": 0.2, "efficientnet_b0": 0.5, "fcn16s": 0.5, "googlenet": 0.5,
    "inception_v3": 0.34, "mobilenet_v1": 0.5, "mobilenet_v3_small": 0.5, "nasnet_mobile": 0.25,
    "resnet20_cifar": 0.34, "resnet50_v2": 0.34, "resnext29_8x64d": 0.34, "se_resnet18": 0.5,
    "shufflenet_v1_g3": 0.34, "shufflenet_v2_x0_5": 0.34, "wrn16_8": 0.5,
}  # fmt: skip


def small_arguments(row: str) -> dict[str, Any]:
    """Returns the arguments that make a row of `ROWS` narrow, shallow and its images small."""
    variant = model_info(row)
    scale = {"width": 1.0 if row in FIXED else 0.25, "depth": SHALLOW.get(row, 1.0)}
    side = max(minimum_size(variant, Request(**scale)), min(variant.input_shape[0], 40))
    return {"input_shape": (side, side, variant.input_shape[2]), **scale}
