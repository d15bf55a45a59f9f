"""The models of keras.applications for which the registry has a row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kerascnn.applications.blocks.mobile_blocks import round_channels
from kerascnn.keras_applications import mobile_networks as mobile
from kerascnn.keras_applications import networks
from kerascnn.keras_applications.translation import Translation
from kerascnn.models.registry import model_info

Columns = Callable[[Any, Mapping[str, Any]], dict[str, Any]]
"""A function of our row and a builder's arguments; returns the columns that the row takes."""

# The arguments of the builders, in their order, with their defaults; `name` is of the model.
STANDARD: dict[str, Any] = {
    "include_top": True,
    "weights": "imagenet",
    "input_tensor": None,
    "input_shape": None,
    "pooling": None,
    "classes": 1000,
    "classifier_activation": "softmax",
}
NASNET = {
    "input_shape": None,
    "include_top": True,
    "weights": "imagenet",
    "input_tensor": None,
    "pooling": None,
    "classes": 1000,
    "classifier_activation": "softmax",
}
_AFTER_SHAPE = {key: value for key, value in NASNET.items() if key != "input_shape"}
MOBILENET = {
    "input_shape": None,
    "alpha": 1.0,
    "depth_multiplier": 1,
    "dropout": 0.001,
    **_AFTER_SHAPE,
}
MOBILENET_V2 = {"input_shape": None, "alpha": 1.0, **_AFTER_SHAPE}
MOBILENET_V3 = {
    "input_shape": None,
    "alpha": 1.0,
    "minimalistic": False,
    "include_top": True,
    "weights": "imagenet",
    "input_tensor": None,
    "classes": 1000,
    "pooling": None,
    "dropout_rate": 0.2,
    "classifier_activation": "softmax",
    "include_preprocessing": True,
}


def _same(row: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {"padding": "same"}


def _none(row: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {}


def _mobilenet(row: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the columns of MobileNet, whose channels are rounded down at every width."""
    alpha = arguments["alpha"]
    stages = tuple((int(channels * alpha), *rest) for channels, *rest in row.stages)
    return {"first": int(row.first * alpha), "stages": stages}


def _mobilenet_v2(row: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the columns of MobileNetV2; its last convolution grows only above a width of 1."""
    alpha = arguments["alpha"]
    return {
        "padding": "same",
        "first": round_channels(row.first * alpha),
        "stages": tuple((t, round_channels(int(c * alpha)), n, s) for t, c, n, s in row.stages),
        "last": round_channels(row.last * alpha) if alpha > 1 else row.last,
    }


def _mobilenet_v3(row: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the columns of MobileNetV3, whose first convolution has 16 channels at any width."""
    alpha, minimalistic = arguments["alpha"], arguments["minimalistic"]
    lines, paper, incoming = [], 16, 16
    for kernel, expanded, out, squeeze, act, stride in row.lines:
        expanded = round_channels(incoming * (expanded / paper))
        paper, incoming = out, round_channels(out * alpha)
        if minimalistic:
            kernel, squeeze, act = 3, False, "RE"
        lines.append((kernel, expanded, incoming, squeeze, act, stride))
    hidden = round_channels(row.hidden * alpha) if alpha > 1 else row.hidden
    return {"padding": "same", "lines": tuple(lines), "hidden": hidden}


@dataclass(frozen=True)
class Application:
    """A model of keras.applications.

    Args:
        builder: the name of its function.
        row: the name of our row.
        modules: the submodules that contain the function, besides the package.
        network: how it names its layers.
        mode: of `preprocess_input`: "caffe", "tf", "torch", or "none" where the model scales the
            pixels itself.
        name: of the model; None where it is computed from the arguments.
        arguments: of the function, with their defaults, without `name`.
        minimum: the smallest side of an image.
        columns: returns the columns that our row takes.
        dropout: rate before the classifier, where no argument sets it.
    """

    builder: str
    row: str
    modules: tuple[str, ...]
    network: type[Translation]
    mode: str
    name: str | None
    arguments: dict[str, Any] = field(default_factory=lambda: STANDARD)
    minimum: int = 32
    columns: Columns = _none
    dropout: float = 0.0

    @property
    def scales(self) -> bool:
        """Whether every model of it scales pixels from 0 to 255 itself."""
        return self.network is mobile.EfficientNet

    @property
    def side(self) -> int:
        """Height and width of the images of its published weights."""
        return model_info(self.row).input_shape[0]

    def translation(self, arguments: Mapping[str, Any]) -> type[Translation]:
        """Returns how the model of these arguments names its layers."""
        return mobile.Minimalistic if arguments.get("minimalistic") else self.network


# Number of an EfficientNet -> dropout before its classifier.
EFFICIENTNETS = (0.2, 0.2, 0.3, 0.3, 0.4, 0.4, 0.5, 0.5)

APPLICATIONS = (
    *(
        Application(f"VGG{layers}", f"vgg{layers}", (f"vgg{layers}",), networks.VGG, "caffe",
                    f"vgg{layers}")
        for layers in (16, 19)
    ),
    *(
        Application(f"ResNet{layers}", f"resnet{layers}",
                    ("resnet", "resnet50") if layers == 50 else ("resnet",),
                    networks.ResNet, "caffe", f"resnet{layers}")
        for layers in (50, 101, 152)
    ),
    *(
        Application(f"ResNet{layers}V2", f"resnet{layers}_v2", ("resnet_v2",), networks.ResNetV2,
                    "tf", f"resnet{layers}v2")
        for layers in (50, 101, 152)
    ),
    Application("InceptionV3", "inception_v3", ("inception_v3",), networks.InceptionV3, "tf",
                "inception_v3", minimum=75),
    Application("InceptionResNetV2", "inception_resnet_v2", ("inception_resnet_v2",),
                networks.InceptionResNetV2, "tf", "inception_resnet_v2", minimum=75),
    *(
        Application(f"DenseNet{layers}", f"densenet{layers}", ("densenet",), networks.DenseNet,
                    "torch", f"densenet{layers}")
        for layers in (121, 169, 201)
    ),
    Application("MobileNet", "mobilenet_v1", ("mobilenet",), mobile.MobileNet, "tf", None,
                MOBILENET, columns=_mobilenet),
    Application("MobileNetV2", "mobilenet_v2", ("mobilenet_v2",), mobile.MobileNetV2, "tf", None,
                MOBILENET_V2, columns=_mobilenet_v2),
    *(
        Application(f"MobileNetV3{size}", f"mobilenet_v3_{size.lower()}", (), mobile.MobileNetV3,
                    "none", f"MobileNetV3{size}", MOBILENET_V3, columns=_mobilenet_v3)
        for size in ("Small", "Large")
    ),
    *(
        Application(f"NASNet{size}", f"nasnet_{size.lower()}", ("nasnet",), networks.NASNet, "tf",
                    f"nasnet_{size.lower()}", NASNET)
        for size in ("Mobile", "Large")
    ),
    *(
        Application(f"EfficientNetB{number}", f"efficientnet_b{number}", ("efficientnet",),
                    mobile.EfficientNet, "none", f"efficientnetb{number}", columns=_same,
                    dropout=dropout)
        for number, dropout in enumerate(EFFICIENTNETS)
    ),
)  # fmt: skip
BY_BUILDER = {application.builder: application for application in APPLICATIONS}
