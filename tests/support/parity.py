"""The networks of other libraries that ours must equal, and how the comparison is stored.

A fixture holds what the twin made of the seeded images with the seeded weights, both of which
`reference.seeded` draws again: the logits, and mean and standard deviation of a few maps on the
way. tools/make_parity.py writes it where the twin is installed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from support import seeded_weights
from support.paths import FIXTURES

FOLDER = FIXTURES / "parity"

GLOBAL = (96, 80)
"""Image size for heads that take any: not square, so that height and width cannot be confused."""
FLAT = (224, 224)
"""Image size for heads that flatten."""


@dataclass(frozen=True)
class Twin:
    """A network of another library.

    Args:
        library: "torchvision", "timm" or "keras".
        name: there; "quantization.NAME" is a network of torchvision that can be quantised.
        size: of the images to compare with.
        layout: of the names, if it is not called after the library.
        arguments: of our builder.
    """

    library: str
    name: str
    size: tuple[int, int] = GLOBAL
    layout: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)


def row_of(key: str) -> str:
    """Returns the row of a key of `TWINS`."""
    return key.split("@")[0]


def _named(library: str, names: str, **more: Any) -> dict[str, Twin]:
    """Returns twins from "ours" or "ours=theirs", separated by spaces."""
    pairs = (name.partition("=") for name in names.split())
    return {ours: Twin(library, theirs or ours, **more) for ours, _, theirs in pairs}


def _seconds(library: str, names: str, *, key: str = "", **more: Any) -> dict[str, Twin]:
    """Returns the same for rows that have a twin already, keyed row@library or row@key."""
    result = _named(library, names, **more)
    return {f"{ours}@{key or library}": twin for ours, twin in result.items()}


TWINS = {
    **_named("torchvision", "alexnet_owt=alexnet vgg11 vgg13 vgg16 vgg19", size=FLAT),
    **_named("torchvision", "vgg11_bn vgg13_bn vgg16_bn vgg19_bn", size=FLAT),
    **_named("torchvision", "googlenet_bn=googlenet resnet18 resnet34 resnet50_v1_5=resnet50"),
    **_named("torchvision", "resnet101_v1_5=resnet101 resnet152_v1_5=resnet152"),
    **_named("torchvision", "wide_resnet50_2 wide_resnet101_2 resnext50_32x4d"),
    **_named("torchvision", "resnext101_32x8d resnext101_64x4d"),
    **_named("torchvision", "densenet121 densenet161 densenet169 densenet201"),
    **_named("torchvision", "mobilenet_v2 mobilenet_v3_large mobilenet_v3_small"),
    **_named("torchvision", "shufflenet_v2_x0_5 shufflenet_v2_x1_0"),
    **_named("torchvision", "shufflenet_v2_x1_5 shufflenet_v2_x2_0"),
    **_named("torchvision", "efficientnet_b0 efficientnet_b1 efficientnet_b2 efficientnet_b3"),
    **_named("torchvision", "efficientnet_b4 efficientnet_b5 efficientnet_b6 efficientnet_b7"),
    **_named(
        "timm",
        "se_resnet50=legacy_seresnet50 se_resnet101=legacy_seresnet101 "
        "se_resnet152=legacy_seresnet152 se_resnext50_32x4d=legacy_seresnext50_32x4d "
        "se_resnext101_32x4d=legacy_seresnext101_32x4d senet154=legacy_senet154",
        layout="timm_legacy",
    ),
    **_named("timm", "inception_v4 se_resnet18=seresnet18 se_resnet34=seresnet34"),
    **_named("keras", "resnet50=ResNet50 resnet101=ResNet101 resnet152=ResNet152"),
    **_named("keras", "resnet50_v2=ResNet50V2 resnet101_v2=ResNet101V2 resnet152_v2=ResNet152V2"),
    **_named("keras", "mobilenet_v1=MobileNet nasnet_mobile=NASNetMobile"),
    **_named("keras", "nasnet_large=NASNetLarge inception_v3=InceptionV3"),
    **_named("keras", "inception_resnet_v2=InceptionResNetV2"),
    # Other libraries' networks of rows above.
    **_seconds("keras", "vgg16=VGG16 vgg19=VGG19", size=FLAT),
    **_seconds("keras", "densenet121=DenseNet121 densenet169=DenseNet169 densenet201=DenseNet201"),
    **_seconds(
        "keras",
        "mobilenet_v2=MobileNetV2 mobilenet_v3_small=MobileNetV3Small "
        "mobilenet_v3_large=MobileNetV3Large efficientnet_b0=EfficientNetB0 "
        "efficientnet_b1=EfficientNetB1 efficientnet_b2=EfficientNetB2 "
        "efficientnet_b3=EfficientNetB3 efficientnet_b4=EfficientNetB4 "
        "efficientnet_b5=EfficientNetB5 efficientnet_b6=EfficientNetB6 "
        "efficientnet_b7=EfficientNetB7",
        arguments={"padding": "same"},
    ),
    **_seconds("timm", "vgg11 vgg13 vgg16 vgg19", size=FLAT),
    **_seconds("timm", "vgg11_bn vgg13_bn vgg16_bn vgg19_bn", size=FLAT),
    **_seconds("timm", "resnet18 resnet34 resnet50_v1_5=resnet50 resnet101_v1_5=resnet101"),
    **_seconds("timm", "resnet152_v1_5=resnet152 wide_resnet50_2 wide_resnet101_2"),
    **_seconds("timm", "resnext50_32x4d resnext101_32x8d resnext101_64x4d"),
    **_seconds("timm", "resnet50", arguments={"stride_in": "3x3"}),
    **_seconds(
        "timm",
        "se_resnet50=seresnet50 se_resnet101=seresnet101 se_resnet152=seresnet152",
        arguments={"stride_in": "3x3", "ceil_pool": False},
    ),
    **_seconds(
        "timm",
        "se_resnext50_32x4d=seresnext50_32x4d se_resnext101_32x4d=seresnext101_32x4d senet154",
        arguments={"ceil_pool": False},
    ),
    **_seconds("timm", "densenet121 densenet161 densenet169 densenet201"),
    **_seconds("timm", "mobilenet_v1=mobilenetv1_100", arguments={"padding": "symmetric"}),
    **_seconds("timm", "mobilenet_v2=mobilenetv2_100 mobilenet_v3_small=mobilenetv3_small_100"),
    **_seconds("timm", "mobilenet_v3_large=mobilenetv3_large_100"),
    **_seconds("timm", "efficientnet_b0 efficientnet_b1 efficientnet_b2 efficientnet_b3"),
    **_seconds("timm", "efficientnet_b4 efficientnet_b5 efficientnet_b6 efficientnet_b7"),
    **_seconds("timm", "inception_v3", arguments={"gamma": True, "border_counts": True}),
    **_seconds("timm", "inception_resnet_v2", arguments={"gamma": True}),
    **_seconds(
        "timm",
        "mobilenet_v3_small=tf_mobilenetv3_small_100 mobilenet_v3_large=tf_mobilenetv3_large_100 "
        "efficientnet_b0=tf_efficientnet_b0 efficientnet_b1=tf_efficientnet_b1 "
        "efficientnet_b2=tf_efficientnet_b2 efficientnet_b3=tf_efficientnet_b3 "
        "efficientnet_b4=tf_efficientnet_b4 efficientnet_b5=tf_efficientnet_b5 "
        "efficientnet_b6=tf_efficientnet_b6 efficientnet_b7=tf_efficientnet_b7",
        key="timm_tf",
        arguments={"padding": "same"},
    ),
    **_seconds(
        "torchvision",
        "resnet18=quantization.resnet18 resnet50_v1_5=quantization.resnet50 "
        "mobilenet_v3_large=quantization.mobilenet_v3_large "
        "shufflenet_v2_x0_5=quantization.shufflenet_v2_x0_5 "
        "googlenet_bn=quantization.googlenet",
        key="quantizable",
    ),
    **_seconds("torchvision", "inception_v3", arguments={"gamma": True, "border_counts": True}),
}
"""Our row, or row@library for a second twin -> the twin."""


@dataclass(frozen=True)
class Fixture:
    """What a twin made of two images.

    Args:
        twin: library, name and version, for people.
        shape: of the images, (2, height, width, channels).
        gain: of the weights, see `seeded_weights.weight`.
        logits: (2, classes).
        taps: our names of the layers whose results were looked at.
        mean: of each tap, over both images.
        std: of each tap.
    """

    twin: str
    shape: tuple[int, int, int, int]
    gain: float
    logits: np.ndarray
    taps: tuple[str, ...]
    mean: np.ndarray
    std: np.ndarray

    def save(self, key: str) -> None:
        """Writes the fixture of a key of `TWINS`."""
        FOLDER.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(FOLDER / f"{key}.npz", **self.__dict__)


def fixture(key: str) -> Fixture:
    """Reads the fixture of a key of `TWINS`."""
    with np.load(FOLDER / f"{key}.npz") as file:
        height, width = (int(size) for size in file["shape"][1:3])
        return Fixture(
            str(file["twin"]),
            (2, height, width, int(file["shape"][3])),
            float(file["gain"]),
            file["logits"],
            tuple(str(tap) for tap in file["taps"]),
            file["mean"],
            file["std"],
        )


def images(shape: tuple[int, int, int, int]) -> np.ndarray:
    """Returns the two images that every fixture was made of."""
    return seeded_weights.images("parity", shape)


@dataclass(frozen=True)
class Difference:
    """How far a model is from its twin, relative to the largest logit and to a tap's spread."""

    logits: float
    taps: float


def difference(key: str) -> Difference:
    """Builds our model of a key of `TWINS`, with the seeded weights, and compares it."""
    import keras  # not where the twins are run

    from kerascnn.create import create_model

    wanted = fixture(key)
    keras.utils.clear_session()
    model = create_model(
        row_of(key),
        input_shape=wanted.shape[1:],
        classifier_activation=None,
        **TWINS[key].arguments,
    )
    seeded_weights.fill(model, wanted.gain)
    maps = [model.get_layer(name).output for name in wanted.taps]
    tapped = keras.Model(model.inputs[0], [model.outputs[0], *maps])
    logits, *outputs_by_layer = (
        np.asarray(array) for array in tapped(images(wanted.shape), training=False)
    )
    far = np.abs(logits - wanted.logits).max() / np.abs(wanted.logits).max()
    taps = 0.0
    for values, mean, std in zip(outputs_by_layer, wanted.mean, wanted.std, strict=True):
        values = values.astype(np.float64)
        taps = max(taps, abs(values.mean() - mean) / std, abs(values.std() - std) / std)
    return Difference(float(far), float(taps))
