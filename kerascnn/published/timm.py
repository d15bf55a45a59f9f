"""timm's checkpoints of squeeze-and-excitation networks and Inception v4, as of version 1.0.31.

timm states a licence for each checkpoint; its README adds that ImageNet's own terms may apply. The
digits in a file's name are the first digits of its SHA-256, by the convention of PyTorch's hub;
timm does not check them. No digest of Inception v4's file is published. The top-1 accuracies are
those of timm's results/results-imagenet.csv.

Left out: legacy_seresnet18 and 34, whose gates are narrower than those of our rows; seresnet50,
whose published accuracies are for other image sizes; checkpoints trained on other data.
"""

from __future__ import annotations

from kerascnn.imaging.preprocessing import HALF, crop
from kerascnn.published.record import Published, hash_in_name

GITHUB = "https://github.com/rwightman/pytorch-image-models/releases/download/v0.1-"
HUB = "https://huggingface.co/timm/"
LICENCE = "Apache-2.0"

# row, name in timm, file without .pth, top-1
SE_TABLE = (
    ("se_resnet50", "legacy_seresnet50", "cadene/se_resnet50-ce0d4300", 77.644),
    ("se_resnet101", "legacy_seresnet101", "cadene/se_resnet101-7e38fcc6", 78.386),
    ("se_resnet152", "legacy_seresnet152", "cadene/se_resnet152-d17c99b7", 78.660),
    (
        "se_resnext50_32x4d", "legacy_seresnext50_32x4d",
        "weights/legacy_se_resnext50_32x4d-f3651bad", 79.076,
    ),
    (
        "se_resnext101_32x4d", "legacy_seresnext101_32x4d",
        "weights/legacy_se_resnext101_32x4d-37725eac", 80.230,
    ),
    ("senet154", "legacy_senet154", "weights/legacy_senet154-e9eb9fe6", 81.308),
)  # fmt: skip

CHECKPOINTS = (
    *(
        Published(
            tag=f"timm/{name}.in1k",
            row=row,
            url=f"{GITHUB}{file}.pth",
            layout="timm_legacy",
            preprocessing=crop(224, 256),
            top1=top1,
            licence=LICENCE,
            sha256=hash_in_name(f"{file}.pth"),
            note="ported from the authors' Caffe models",
        )
        for row, name, file, top1 in SE_TABLE
    ),
    Published(
        tag="timm/inception_v4.tf_in1k",
        row="inception_v4",
        url=f"{HUB}inception_v4.tf_in1k/resolve/main/model.safetensors",
        layout="timm",
        preprocessing=crop(299, 341, "bicubic", HALF, HALF),
        top1=80.156,
        licence=LICENCE,
        note="ported from the weights of TensorFlow's model repository",
    ),
)
