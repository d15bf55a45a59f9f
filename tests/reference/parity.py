"""The networks of other libraries that ours must equal, and how the comparison is stored.

A fixture holds what the twin made of the seeded images with the seeded weights, both of which
`reference.seeded` draws again: the logits, and mean and standard deviation of a few maps on the
way. tools/make_parity.py writes it where the twin is installed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from reference import seeded

FOLDER = Path(__file__).parent.parent / "fixtures" / "parity"

GLOBAL = (96, 80)
"""Image size for heads that take any: not square, so that height and width cannot be confused."""
FLAT = (224, 224)
"""Image size for heads that flatten."""


@dataclass(frozen=True)
class Twin:
    """A network of another library: the library, the name there, the image size to compare at."""

    source: str
    name: str
    size: tuple[int, int] = GLOBAL


def _twins(source: str, size: tuple[int, int] = GLOBAL, **names: str) -> dict[str, Twin]:
    return {row: Twin(source, name, size) for row, name in names.items()}


TWINS = {
    **_twins(
        "torchvision",
        FLAT,
        alexnet_owt="alexnet",
        **{name: name for name in ("vgg11", "vgg13", "vgg16", "vgg19")},
        **{name: name for name in ("vgg11_bn", "vgg13_bn", "vgg16_bn", "vgg19_bn")},
    ),
    **_twins(
        "torchvision",
        googlenet_bn="googlenet",
        resnet18="resnet18",
        resnet34="resnet34",
        resnet50_v1_5="resnet50",
        resnet101_v1_5="resnet101",
        resnet152_v1_5="resnet152",
        wide_resnet50_2="wide_resnet50_2",
        wide_resnet101_2="wide_resnet101_2",
        resnext50_32x4d="resnext50_32x4d",
        resnext101_32x8d="resnext101_32x8d",
        resnext101_64x4d="resnext101_64x4d",
        densenet121="densenet121",
        densenet161="densenet161",
        densenet169="densenet169",
        densenet201="densenet201",
        mobilenet_v2="mobilenet_v2",
        mobilenet_v3_large="mobilenet_v3_large",
        mobilenet_v3_small="mobilenet_v3_small",
        **{f"shufflenet_v2_{size}": f"shufflenet_v2_{size}" for size in ("x0_5", "x1_0")},
        **{f"shufflenet_v2_{size}": f"shufflenet_v2_{size}" for size in ("x1_5", "x2_0")},
        **{f"efficientnet_b{number}": f"efficientnet_b{number}" for number in range(8)},
    ),
    **_twins(
        "timm",
        se_resnet18="legacy_seresnet18",
        se_resnet34="legacy_seresnet34",
        se_resnet50="legacy_seresnet50",
        se_resnet101="legacy_seresnet101",
        se_resnet152="legacy_seresnet152",
        se_resnext50_32x4d="legacy_seresnext50_32x4d",
        se_resnext101_32x4d="legacy_seresnext101_32x4d",
        senet154="legacy_senet154",
        inception_v4="inception_v4",
    ),
    **_twins(
        "keras",
        resnet50="ResNet50",
        resnet101="ResNet101",
        resnet152="ResNet152",
        resnet50_v2="ResNet50V2",
        resnet101_v2="ResNet101V2",
        resnet152_v2="ResNet152V2",
        mobilenet_v1="MobileNet",
        nasnet_mobile="NASNetMobile",
        nasnet_large="NASNetLarge",
        inception_v3="InceptionV3",
        inception_resnet_v2="InceptionResNetV2",
    ),
}
"""Our row -> its twin."""


@dataclass(frozen=True)
class Fixture:
    """What a twin made of two images.

    Args:
        twin: library, name and version, for people.
        shape: of the images, (2, height, width, channels).
        logits: (2, classes).
        taps: our names of the layers whose results were looked at.
        mean: of each tap, over both images.
        std: of each tap.
    """

    twin: str
    shape: tuple[int, int, int, int]
    logits: np.ndarray
    taps: tuple[str, ...]
    mean: np.ndarray
    std: np.ndarray

    def save(self, row: str) -> None:
        """Writes the fixture of a row."""
        FOLDER.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(FOLDER / f"{row}.npz", **self.__dict__)


def fixture(row: str) -> Fixture:
    """Reads the fixture of a row."""
    with np.load(FOLDER / f"{row}.npz") as file:
        height, width = (int(size) for size in file["shape"][1:3])
        return Fixture(
            str(file["twin"]),
            (2, height, width, int(file["shape"][3])),
            file["logits"],
            tuple(str(tap) for tap in file["taps"]),
            file["mean"],
            file["std"],
        )


def images(shape: tuple[int, int, int, int]) -> np.ndarray:
    """Returns the two images that every fixture was made of."""
    return seeded.images("parity", shape)


@dataclass(frozen=True)
class Difference:
    """How far a model is from its twin, relative to the largest logit and to a tap's spread."""

    logits: float
    taps: float


def difference(logits: Any, maps: list[Any], wanted: Fixture) -> Difference:
    """Compares a model's logits and tapped maps with a fixture."""
    far = np.abs(np.asarray(logits) - wanted.logits).max() / np.abs(wanted.logits).max()
    taps = 0.0
    for values, mean, std in zip(maps, wanted.mean, wanted.std, strict=True):
        values = np.asarray(values, np.float64)
        taps = max(taps, abs(values.mean() - mean) / std, abs(values.std() - std) / std)
    return Difference(float(far), float(taps))
