"""torchvision's checkpoints, from the `models.*_Weights` of version 0.29.

The digits in a file's name are the first digits of its SHA-256, which torchvision itself checks.
All checkpoints are trained on ImageNet's 1000 classes. Left out:
`VGG16_Weights.IMAGENET1K_FEATURES`, whose classifier is filled with NaN.
"""

from __future__ import annotations

from typing import Any

from kerascnn.imaging.preprocessing import HALF, Preprocessing, crop
from kerascnn.published.record import Published, hash_in_name

FILES = "https://download.pytorch.org/models/"
GITHUB = "https://github.com/pytorch/vision/"
REFERENCE = GITHUB + "tree/main/references/classification#"
NEW = GITHUB + "issues/3995#"

V1, V2 = crop(224, 256), crop(224, 232)
# The weights of both are from TensorFlow, whose networks take values in [-1, 1]. torchvision's
# models convert its own normalisation to these values ("transform_input"); ours take them directly.
GOOGLENET, INCEPTION = crop(224, 256, mean=HALF, std=HALF), crop(299, 342, mean=HALF, std=HALF)
B0, B1, B2, B3, B4, B5, B6, B7 = (
    crop(size, resize, "bicubic")
    for size, resize in (
        (224, 256), (240, 256), (288, 288), (300, 320), (380, 384), (456, 456), (528, 528),
        (600, 600),
    )
)  # fmt: skip
B1_V2 = crop(240, 255)

# Recipe -> row, torchvision's name and version, file without .pth, top-1, preprocessing. The newest
# recipes come first, because the first checkpoint of a row is its default, as in torchvision.
TABLE: dict[str, tuple[tuple[str, str, str, float, Preprocessing], ...]] = {
    NEW + "issuecomment-1013906621": (
        ("resnet50_v1_5", "resnet50.v2", "resnet50-11ad3fa6", 80.858, V2),
    ),
    NEW + "new-recipe": (
        ("resnet101_v1_5", "resnet101.v2", "resnet101-cd907fc2", 81.886, V2),
        ("resnet152_v1_5", "resnet152.v2", "resnet152-f82ba261", 82.284, V2),
        ("wide_resnet101_2", "wide_resnet101_2.v2", "wide_resnet101_2-d733dc28", 82.510, V2),
        ("resnext50_32x4d", "resnext50_32x4d.v2", "resnext50_32x4d-1a0047aa", 81.198, V2),
    ),
    NEW + "new-recipe-with-fixres": (
        ("wide_resnet50_2", "wide_resnet50_2.v2", "wide_resnet50_2-9ba9bcbe", 81.602, V2),
        ("resnext101_32x8d", "resnext101_32x8d.v2", "resnext101_32x8d-110c445d", 82.834, V2),
    ),
    NEW + "new-recipe-with-reg-tuning": (
        ("mobilenet_v2", "mobilenet_v2.v2", "mobilenet_v2-7ebf99e0", 72.154, V2),
        ("mobilenet_v3_large", "mobilenet_v3_large.v2", "mobilenet_v3_large-5c1a4163", 75.274, V2),
    ),
    NEW + "new-recipe-with-lr-wd-crop-tuning": (
        ("efficientnet_b1", "efficientnet_b1.v2", "efficientnet_b1-c27df63c", 79.838, B1_V2),
    ),
    REFERENCE + "alexnet-and-vgg": (
        ("alexnet_owt", "alexnet.v1", "alexnet-owt-7be5be79", 56.522, V1),
        ("vgg11", "vgg11.v1", "vgg11-8a719046", 69.020, V1),
        ("vgg11_bn", "vgg11_bn.v1", "vgg11_bn-6002323d", 70.370, V1),
        ("vgg13", "vgg13.v1", "vgg13-19584684", 69.928, V1),
        ("vgg13_bn", "vgg13_bn.v1", "vgg13_bn-abd245e5", 71.586, V1),
        ("vgg16", "vgg16.v1", "vgg16-397923af", 71.592, V1),
        ("vgg16_bn", "vgg16_bn.v1", "vgg16_bn-6c64b313", 73.360, V1),
        ("vgg19", "vgg19.v1", "vgg19-dcbb9e9d", 72.376, V1),
        ("vgg19_bn", "vgg19_bn.v1", "vgg19_bn-c79401a0", 74.218, V1),
    ),
    REFERENCE + "googlenet": (
        ("googlenet_bn", "googlenet.v1", "googlenet-1378be20", 69.778, GOOGLENET),
    ),
    REFERENCE + "resnet": (
        ("resnet18", "resnet18.v1", "resnet18-f37072fd", 69.758, V1),
        ("resnet34", "resnet34.v1", "resnet34-b627a593", 73.314, V1),
        ("resnet50_v1_5", "resnet50.v1", "resnet50-0676ba61", 76.130, V1),
        ("resnet101_v1_5", "resnet101.v1", "resnet101-63fe2227", 77.374, V1),
        ("resnet152_v1_5", "resnet152.v1", "resnet152-394f9c45", 78.312, V1),
    ),
    GITHUB + "pull/912#issue-445437439": (
        ("wide_resnet50_2", "wide_resnet50_2.v1", "wide_resnet50_2-95faca4d", 78.468, V1),
        ("wide_resnet101_2", "wide_resnet101_2.v1", "wide_resnet101_2-32ee1156", 78.848, V1),
    ),
    REFERENCE + "resnext": (
        ("resnext50_32x4d", "resnext50_32x4d.v1", "resnext50_32x4d-7cdf4587", 77.618, V1),
        ("resnext101_32x8d", "resnext101_32x8d.v1", "resnext101_32x8d-8ba56ff5", 79.312, V1),
    ),
    GITHUB + "pull/5935": (
        ("resnext101_64x4d", "resnext101_64x4d.v1", "resnext101_64x4d-173b62eb", 83.246, V2),
    ),
    GITHUB + "pull/116": (
        ("densenet121", "densenet121.v1", "densenet121-a639ec97", 74.434, V1),
        ("densenet161", "densenet161.v1", "densenet161-8d451a50", 77.138, V1),
        ("densenet169", "densenet169.v1", "densenet169-b2777c0a", 75.600, V1),
        ("densenet201", "densenet201.v1", "densenet201-c1103571", 76.896, V1),
    ),
    REFERENCE + "mobilenetv2": (
        ("mobilenet_v2", "mobilenet_v2.v1", "mobilenet_v2-b0353104", 71.878, V1),
    ),
    REFERENCE + "mobilenetv3-large--small": (
        ("mobilenet_v3_large", "mobilenet_v3_large.v1", "mobilenet_v3_large-8738ca79", 74.042, V1),
        ("mobilenet_v3_small", "mobilenet_v3_small.v1", "mobilenet_v3_small-047dcff4", 67.668, V1),
    ),
    "https://github.com/ericsun99/Shufflenet-v2-Pytorch": (
        ("shufflenet_v2_x0_5", "shufflenet_v2_x0_5.v1", "shufflenetv2_x0.5-f707e7126e", 60.552, V1),
        ("shufflenet_v2_x1_0", "shufflenet_v2_x1_0.v1", "shufflenetv2_x1-5666bf0f80", 69.362, V1),
    ),
    GITHUB + "pull/5906": (
        ("shufflenet_v2_x1_5", "shufflenet_v2_x1_5.v1", "shufflenetv2_x1_5-3c479a10", 72.996, V2),
        ("shufflenet_v2_x2_0", "shufflenet_v2_x2_0.v1", "shufflenetv2_x2_0-8be3c8ee", 76.230, V2),
    ),
    REFERENCE + "efficientnet-v1": (
        ("efficientnet_b0", "efficientnet_b0.v1", "efficientnet_b0_rwightman-7f5810bc", 77.692, B0),
        ("efficientnet_b1", "efficientnet_b1.v1", "efficientnet_b1_rwightman-bac287d4", 78.642, B1),
        ("efficientnet_b2", "efficientnet_b2.v1", "efficientnet_b2_rwightman-c35c1473", 80.608, B2),
        ("efficientnet_b3", "efficientnet_b3.v1", "efficientnet_b3_rwightman-b3899882", 82.008, B3),
        ("efficientnet_b4", "efficientnet_b4.v1", "efficientnet_b4_rwightman-23ab8bcd", 83.384, B4),
        ("efficientnet_b5", "efficientnet_b5.v1", "efficientnet_b5_lukemelas-1a07897c", 83.444, B5),
        ("efficientnet_b6", "efficientnet_b6.v1", "efficientnet_b6_lukemelas-24a108a5", 84.008, B6),
        ("efficientnet_b7", "efficientnet_b7.v1", "efficientnet_b7_lukemelas-c5b4e57e", 84.122, B7),
    ),
    REFERENCE + "inception-v3": (
        ("inception_v3", "inception_v3.v1", "inception_v3_google-0cc3c7bd", 77.294, INCEPTION),
    ),
}  # fmt: skip

# Row -> the columns in which torchvision's network differs from it.
ARGUMENTS: dict[str, dict[str, Any]] = {"inception_v3": {"gamma": True, "border_counts": True}}
# The files of DenseNets are older than torchvision's code and have other names for some tensors.
LAYOUTS = {f"densenet{layers}": "torchvision_files" for layers in (121, 161, 169, 201)}

CHECKPOINTS = tuple(
    Published(
        tag=f"torchvision/{name}",
        row=row,
        url=f"{FILES}{file}.pth",
        layout=LAYOUTS.get(row, "torchvision"),
        preprocessing=preprocessing,
        top1=top1,
        licence="BSD-3-Clause",
        sha256=hash_in_name(f"{file}.pth"),
        arguments=ARGUMENTS.get(row, {}),
        note=recipe,
    )
    for recipe, lines in TABLE.items()
    for row, name, file, top1, preprocessing in lines
)
