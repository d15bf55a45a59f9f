"""How each network of keras.applications names its layers, and where it differs from our rows."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from kerascnn.keras_applications.translation import (
    NUMBERED,
    Names,
    Parts,
    Settings,
    Translation,
    far_padding,
    norm,
)
from kerascnn.models.layer import Tensor
from kerascnn.models.registry import Top
from kerascnn.weights.name_maps.nasnet import CELL, cell_number


class VGG(Translation):
    """VGG16 and VGG19."""

    pools = NUMBERED

    def head(self, x: Tensor, top: Top, hidden: int) -> Tensor:
        x = self.add("Flatten", x, "flatten", {})
        for name in ("fc6", "fc7"):
            config = {"units": 4096, "activation": "relu"}
            x = self.add("Dense", x, self.weighted[name], config, (name,))
        return self.classifier(x, top)

    def unweighted(self, name: str) -> str | None:
        return name.replace("pool", "block") + "_pool"


class ResNet(Translation):
    """ResNet50, ResNet101 and ResNet152, whose convolutions have biases."""

    settings: ClassVar[Settings] = {**norm(0.99, 1.001e-5), "Conv2D": {"use_bias": True}}
    ends: ClassVar[Names] = {"pool1": "pool1_pool"}

    def unweighted(self, name: str) -> str | None:
        if name.endswith("_act") and name not in self.ends:
            conv = self.weighted[name.removesuffix("_act")]
            return conv.removesuffix("_conv") + "_relu"
        return self.ends.get(name, re.sub(r"conv(\d)_(\d+)_", r"conv\1_block\2_", name))


class ResNetV2(ResNet):
    """ResNet50V2, ResNet101V2 and ResNet152V2."""

    settings: ClassVar[Settings] = norm(0.99, 1.001e-5)
    ends: ClassVar[Names] = {"pool1": "pool1_pool", "post_act": "post_relu"}

    def adapted(self, kind: str, x: Tensor, name: str, config: dict[str, Any]) -> Tensor:
        if name.endswith("_conv2") and config["padding"] == "same":
            config["padding"] = "valid"
            x = self.adapted("ZeroPadding2D", x, f"{name}_pad", {"padding": ((1, 1), (1, 1))})
        return super().adapted(kind, x, name, config)

    def unweighted(self, name: str) -> str | None:
        if name.endswith("_shortcut_pool"):
            return None
        if re.search(r"_act\d$", name):
            return self.weighted[name.replace("_act", "_bn")].removesuffix("bn") + "relu"
        name = name.replace("_conv2_pad", "_2_pad").replace("_add", "_out")
        return super().unweighted(name)


class DenseNet(Translation):
    """DenseNet121, DenseNet169 and DenseNet201."""

    settings: ClassVar[Settings] = norm(0.99, 1.001e-5)

    def unweighted(self, name: str) -> str | None:
        if name == "pool0":
            return "pool1"
        if name.endswith("_pad"):
            return None
        norm = re.sub("_act$|_relu$", "_bn", name)
        if norm in self.weighted:
            return self.weighted[norm].removesuffix("bn") + "relu"
        name = re.sub(
            r"dense(\d)_(\d+)", lambda match: f"conv{int(match[1]) + 1}_block{match[2]}", name
        )
        return re.sub(r"transition(\d)_", lambda match: f"pool{int(match[1]) + 1}_", name)


class InceptionV3(Translation):
    """InceptionV3, most of whose layers are numbered."""

    pools = NUMBERED
    concats: ClassVar[Names] = {
        "a1": "mixed0",
        "a2": "mixed1",
        "a3": "mixed2",
        "reduction_a": "mixed3",
        "b1": "mixed4",
        "b2": "mixed5",
        "b3": "mixed6",
        "b4": "mixed7",
        "reduction_b": "mixed8",
        "c1": "mixed9",
        "c1_b2_2": "mixed9_0",
        "c2": "mixed10",
        "c2_b2_2": "mixed9_1",
    }

    def named(self, name: str) -> str | None:
        return self.concats.get(name)


class InceptionResNetV2(InceptionV3):
    """InceptionResNetV2; its scaled sums are two layers of ours, a `Rescaling` and an `Add`."""

    concats: ClassVar[Names] = {
        "stem_8": "mixed_5b",
        "reduction_a": "mixed_6a",
        "reduction_b": "mixed_7a",
        "tail_1_mixed": "block8_10_mixed",
        "tail_1_up": "block8_10_conv",
        "tail_2": "conv_7b",
        "tail_2_bn": "conv_7b_bn",
        "tail_2_act": "conv_7b_ac",
    }
    blocks: ClassVar[Parts] = {"a": "block35", "b": "block17", "c": "block8"}
    parts: ClassVar[Parts] = {"mixed": "mixed", "up": "conv", "act": "ac"}

    def named(self, name: str) -> str | None:
        match = re.fullmatch(r"([abc])(\d+)_(mixed|up|act)", name)
        if match:
            return f"{self.blocks[match[1]]}_{match[2]}_{self.parts[match[3]]}"
        return super().named(name)


class NASNet(Translation):
    """NASNetMobile and NASNetLarge, whose separable convolutions are single layers."""

    settings: ClassVar[Settings] = norm(0.9997)
    average = None
    pools = NUMBERED
    initializers: ClassVar[dict[str, Any]] = {"Conv2D": "he_normal"}
    adjusted: ClassVar[Parts] = {
        "prev_act": "adjust_relu_1",
        "prev_pool1": "adjust_avg_pool_1",
        "prev_pool2": "adjust_avg_pool_2",
    }
    inconsistent: ClassVar[Names] = {"add3": "add3", "add4": None, "add5": "add4"}
    """The sums of a reduction cell whose names do not follow their numbers."""

    def __init__(self, weighted: dict[str, str], depth_multiplier: int = 1) -> None:
        super().__init__(weighted, depth_multiplier)
        names = [name.split("_")[1] for name in weighted if name.startswith("stage1_")]
        self.normal_cells = len(set(names))
        self.depthwise: dict[str, Any] = {}

    def adapted(self, kind: str, x: Tensor, name: str, config: dict[str, Any]) -> Tensor:
        if kind == "DepthwiseConv2D":
            self.depthwise = config  # the 1x1 after it makes it a separable convolution
            return x
        if "_pw" in name:
            depthwise = self.depthwise
            separable = {
                "filters": config["filters"],
                "use_bias": False,
                **{key: depthwise[key] for key in ("kernel_size", "strides", "padding")},
            }
            module = self.weighted[name]
            x = self.padded(x, module.replace("conv_1_", "conv_1_pad_"), separable)
            parts = (name.replace("_pw", "_dw"), name)
            return self.add("SeparableConv2D", x, module, separable, parts)
        if name.endswith("_border"):
            kind, config = "ZeroPadding2D", {"padding": far_padding(x, 3)}
        if kind == "Add" and self.named(name) is None:
            x = x[::-1]
        return super().adapted(kind, x, name, config)

    def unweighted(self, name: str) -> str | None:
        match = CELL.match(name)
        if match is None:
            return None
        kind, number = cell_number(match, self.normal_cells)
        part = name[match.end() + 1 :]
        if not part:
            return f"{kind}_concat_{number}"
        if part == "border":
            return f"reduction_pad_1_{number}"
        if part in self.adjusted:
            halves = match["stem"] == "2" or match["cell"] == "1"
            return f"{self.adjusted[part]}_{number}" if halves else None
        if re.fullmatch(r"(left|right)\d", part):
            return f"{kind}_{part}_{number}"
        if not part.startswith("add"):
            return None
        ending: str | None = f"add_{part[3:]}"
        if kind == "reduction":
            ending = self.inconsistent.get(part, ending)
        return None if ending is None else f"{kind}_{ending}_{number}"
