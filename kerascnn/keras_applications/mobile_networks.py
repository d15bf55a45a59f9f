"""As `networks`, for MobileNet, MobileNetV2, MobileNetV3 and EfficientNet."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import Any, ClassVar

from kerascnn.keras_applications.translation import (
    NUMBERED,
    Names,
    Parts,
    Settings,
    Translation,
    norm,
)
from kerascnn.models.layer import Tensor
from kerascnn.models.registry import Top

BLOCK = re.compile(r"(?P<block>[a-z]+\d+_\d+)_(?P<part>\w+)")
"""Our layers in a block, such as bottleneck3_1_expand_bn."""
# Keras's initialisers of EfficientNet, which are the authors'.
FAN_OUT = {
    "class_name": "VarianceScaling",
    "config": {"scale": 2.0, "mode": "fan_out", "distribution": "truncated_normal"},
}


class Mobile(Translation, ABC):
    """The networks for phones: blocks that are numbered in the whole network."""

    relu = "ReLU"
    ends: ClassVar[Names] = {}

    def adapted(self, kind: str, x: Tensor, name: str, config: dict[str, Any]) -> Tensor:
        if kind == "DepthwiseConv2D":
            pad = self.unweighted(f"{name}_pad")
            assert pad is not None  # every padding has a name
            x = self.padded(x, pad, config)
        return super().adapted(kind, x, name, config)

    def unweighted(self, name: str) -> str | None:
        if name in self.ends:
            return self.ends[name]
        match = BLOCK.fullmatch(name)
        assert match is not None  # all other layers are in blocks
        return self.in_block(self.prefix(match["block"]), match["part"])

    def convolution(self, x: Tensor, filters: int, ours: str) -> Tensor:
        """Adds the 1x1 convolution that stands for a dense layer of ours."""
        config = {"filters": filters, "kernel_size": 1, "padding": "same"}
        return self.add("Conv2D", x, self.weighted[ours], config, (ours,))

    def prefix(self, block: str) -> str:
        """Returns the beginning of the names in a block of ours."""
        return self.weighted[f"{block}_dw"].removesuffix("depthwise")

    @abstractmethod
    def in_block(self, prefix: str, part: str) -> str | None:
        """Returns the name of a layer without weights from the end of our name."""


class MobileNet(Mobile):
    """MobileNet."""

    ends: ClassVar[Names] = {"conv1_act": "conv1_relu"}
    pools = NUMBERED

    def head(self, x: Tensor, top: Top, hidden: int) -> Tensor:
        x = self.add("GlobalAveragePooling2D", x, None, {"keepdims": True})
        x = self.add("Dropout", x, "dropout", {"rate": top.dropout})
        x = self.convolution(x, top.classes, "predictions")
        x = self.add("Reshape", x, "reshape_2", {"target_shape": (top.classes,)})
        return self.add("Activation", x, "predictions", {"activation": top.activation})

    def prefix(self, block: str) -> str:
        return self.weighted[f"{block}_dw"].removeprefix("conv_dw_")

    def in_block(self, prefix: str, part: str) -> str | None:
        layer, _, ending = part.rpartition("_")
        return f"conv_pad_{prefix}" if ending == "pad" else f"conv_{layer}_{prefix}_relu"


class MobileNetV2(Mobile):
    """MobileNetV2."""

    settings: ClassVar[Settings] = norm(0.999)
    average = None
    pools = NUMBERED
    ends: ClassVar[Names] = {"conv1_act": "Conv1_relu", "conv_last_act": "out_relu"}
    parts: ClassVar[Parts] = {
        "expand_act": "expand_relu",
        "dw_act": "depthwise_relu",
        "dw_pad": "pad",
        "add": "add",
    }

    def in_block(self, prefix: str, part: str) -> str | None:
        return prefix + self.parts[part]


class MobileNetV3(Mobile):
    """MobileNetV3Small and MobileNetV3Large."""

    settings: ClassVar[Settings] = norm(0.999)
    ends: ClassVar[Names] = {"conv1_act": None, "conv_last_act": None}
    parts: ClassVar[Parts] = {
        "dw_pad": "depthwise_pad",
        "se_squeeze": "squeeze_excite_avg_pool",
        "se_reduce_act": "squeeze_excite_relu",
        "se_gate": "squeeze_excite_gate",
        "se_scale": "squeeze_excite_mul",
        "add": "add",
    }

    def adapted(self, kind: str, x: Tensor, name: str, config: dict[str, Any]) -> Tensor:
        if kind == "HardSigmoid":  # a layer that Keras loads without this package
            kind, config = "Activation", {"activation": "hard_sigmoid"}
        return super().adapted(kind, x, name, config)

    def in_block(self, prefix: str, part: str) -> str | None:
        return prefix + self.parts[part] if part in self.parts else None

    def head(self, x: Tensor, top: Top, hidden: int) -> Tensor:
        x = self.add("GlobalAveragePooling2D", x, None, {"keepdims": True})
        x = self.convolution(x, hidden, "hidden")
        x = self.adapted("Activation", x, "conv_last_act", {"activation": "hard_swish"})
        if top.dropout:
            x = self.add("Dropout", x, None, {"rate": top.dropout})
        x = self.convolution(x, top.classes, "predictions")
        x = self.add("Flatten", x, None, {})
        return self.add("Activation", x, "predictions", {"activation": top.activation})


class Minimalistic(MobileNetV3):
    """The minimalistic MobileNetV3, all of whose activations are ReLUs."""

    def adapted(self, kind: str, x: Tensor, name: str, config: dict[str, Any]) -> Tensor:
        if kind == "Activation":
            kind, config = "ReLU", {}
        return super().adapted(kind, x, name, config)


class EfficientNet(Mobile):
    """EfficientNetB0 to EfficientNetB7."""

    relu = "Activation"
    settings: ClassVar[Settings] = norm(0.99)
    initializers: ClassVar[dict[str, Any]] = {"Conv2D": FAN_OUT, "DepthwiseConv2D": FAN_OUT}
    ends: ClassVar[Names] = {
        "conv1_pad": "stem_conv_pad",
        "conv1_act": "stem_activation",
        "conv_last_act": "top_activation",
    }
    parts: ClassVar[Parts] = {
        "expand_act": "expand_activation",
        "dw_act": "activation",
        "dw_pad": "dwconv_pad",
        "se_squeeze": "se_squeeze",
        "se_squeeze_shape": "se_reshape",
        "se_scale": "se_excite",
        "drop": "drop",
        "add": "add",
    }
    dense: ClassVar[dict[str, Any]] = {
        "class_name": "VarianceScaling",
        "config": {"scale": 1 / 3, "mode": "fan_out", "distribution": "uniform"},
    }
    fused: ClassVar[Parts] = {"se_reduce": "silu", "se_expand": "sigmoid"}

    def head(self, x: Tensor, top: Top, hidden: int) -> Tensor:
        x = self.add("GlobalAveragePooling2D", x, self.average, {})
        if top.dropout:
            x = self.add("Dropout", x, "top_dropout", {"rate": top.dropout})
        return self.classifier(x, top, kernel_initializer=self.dense)

    def prefix(self, block: str) -> str:
        return self.weighted[f"{block}_dw"].removesuffix("dwconv")

    def in_block(self, prefix: str, part: str) -> str | None:
        return prefix + self.parts[part]

    def adapted(self, kind: str, x: Tensor, name: str, config: dict[str, Any]) -> Tensor:
        if name == "conv1":
            x = self.padded(x, "stem_conv_pad", config)
        elif name.endswith(("_se_reduce_act", "_se_gate")):
            return x  # the convolution before it has the activation
        elif name.endswith("_se_squeeze"):
            x = super().adapted(kind, x, name, {})
            kind, name, config = "Reshape", f"{name}_shape", {"target_shape": (1, 1, x.shape[-1])}
        elif name.endswith(("_se_reduce", "_se_expand")):
            config["activation"] = self.fused[name[-9:]]
        elif kind == "Add":
            x = x[::-1]
        return super().adapted(kind, x, name, config)
