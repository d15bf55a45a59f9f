"""The names of ResNet's layers in other libraries and in checkpoints for CIFAR.

The name maps of the other residual families use these tables.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kerascnn.weights.name_maps.huggingface import SOURCES as HUGGINGFACE
from kerascnn.weights.name_maps.huggingface import forms, with_settings
from kerascnn.weights.name_maps.layout import SourceNetwork

# Our names: conv3_2_conv1_bn is in block 2 of stage 3, where stage 1 is the stem.
_BLOCK = re.compile(r"conv([2-9])_(\d+)_(\w+)")


@dataclass(frozen=True)
class Names:
    """The names of a residual network's layers in a source; a `Layout`.

    Args:
        block: the prefix of a block's layers, a format of `stage` (from 2), `block` (from 1),
            `stage_before` (`stage` - 1), `stage_index` (`stage` - 2) and `block_before`
            (`block` - 1).
        parts: the source's name for the last part of each of our names inside a block.
        others: the source's name for each of our layers outside of the blocks.
    """

    block: str
    parts: Mapping[str, str]
    others: Mapping[str, str]

    def __call__(self, names: Sequence[str]) -> dict[str, str]:
        """Returns the source's module for each of our layers that the source has."""
        modules = {}
        for name in names:
            match = _BLOCK.fullmatch(name)
            if match and match[3] in self.parts:
                stage, block = int(match[1]), int(match[2])
                prefix = self.block.format(
                    stage=stage,
                    block=block,
                    stage_before=stage - 1,
                    stage_index=stage - 2,
                    block_before=block - 1,
                )
                modules[name] = prefix + self.parts[match[3]]
            elif name in self.others:
                modules[name] = self.others[name]
        return modules


CONVS = {f"conv{i}": f"conv{i}" for i in (1, 2, 3)} | {f"conv{i}_bn": f"bn{i}" for i in (1, 2, 3)}
TORCH_BLOCK = "layer{stage_before}.{block_before}."
TORCH_PARTS = {**CONVS, "shortcut": "downsample.0", "shortcut_bn": "downsample.1"}
TORCH_STEM = {"conv1": "conv1", "conv1_bn": "bn1"}

torchvision = Names(TORCH_BLOCK, TORCH_PARTS, {**TORCH_STEM, "predictions": "fc"})

# bn1 to bn3 are the batch norms of pre-activation blocks: bn1 is before conv1, and so on.
keras = Names(
    "conv{stage}_block{block}_",
    {
        **{f"conv{i}": f"{i}_conv" for i in (1, 2, 3)},
        **{f"conv{i}_bn": f"{i}_bn" for i in (1, 2, 3)},
        "shortcut": "0_conv",
        "shortcut_bn": "0_bn",
        "bn1": "preact_bn",
        "bn2": "1_bn",
        "bn3": "2_bn",
    },
    {
        "conv1": "conv1_conv",
        "conv1_bn": "conv1_bn",
        "post_bn": "post_bn",
        "predictions": "predictions",
    },
)

# The files that Keras publishes are older than its code; their classifier has another name.
keras_files = replace(keras, others={**keras.others, "predictions": "probs"})

# The names in github.com/akamaster/pytorch_resnet_cifar10, which pads the same channels with zeros.
cifar = Names(
    TORCH_BLOCK,
    {**CONVS, "shortcut": "shortcut.0", "shortcut_bn": "shortcut.1"},
    {**TORCH_STEM, "predictions": "linear"},
)

# ResNetModel of transformers.
huggingface = Names(
    "encoder.stages.{stage_index}.layers.{block_before}.",
    {
        **{f"conv{i}": f"layer.{i - 1}.convolution" for i in (1, 2, 3)},
        **{f"conv{i}_bn": f"layer.{i - 1}.normalization" for i in (1, 2, 3)},
        "shortcut": "shortcut.convolution",
        "shortcut_bn": "shortcut.normalization",
    },
    {"conv1": "embedder.embedder.convolution", "conv1_bn": "embedder.embedder.normalization"},
)

LAYOUTS = {
    "torchvision": torchvision,
    "timm": torchvision,
    **forms(huggingface, "resnet.", "classifier.1"),
    "keras": keras,
    "keras_files": keras_files,
    "cifar": cifar,
}

# timm's networks that smooth a map before they halve it have the tensors of those that do not.
ANTI_ALIASED = SourceNetwork(
    names=r"resnet(blur|aa)\d", unsupported="that smooths maps before it halves them"
)


def networks(source: str, row: Any) -> tuple[SourceNetwork, ...]:
    """Returns the networks of a source that have the tensors of a residual row."""
    in_keras = source in ("keras", "keras_files")
    columns: dict[str, Any] = {}
    if row.entry != "3x3":
        columns["ceil_pool"] = False
    if row.pre_activation:
        columns["stride_at"] = "last" if in_keras else "first"
    elif row.block == "bottleneck":
        columns["stride_in"] = "1x1" if in_keras else "3x3"
    epsilon = 1.001e-5 if in_keras else 1e-5
    if source in HUGGINGFACE:
        usual = SourceNetwork(columns, epsilon)
        unknown = r"downsample_in_first_stage=True|hidden_act=(?!relu\b)"
        if row.block != "bottleneck":
            return with_settings(usual, unknown)
        setting = "downsample_in_bottleneck=True"
        return with_settings(usual, unknown, setting, {"stride_in": "1x1"})
    if row.shortcut not in ("A", "none"):
        return SourceNetwork(columns, epsilon), ANTI_ALIASED
    # A shortcut without weights leaves no trace in a file.
    residual = SourceNetwork({**columns, "shortcut": "A"}, epsilon, r"res(idual)?[-_]?net")
    if source == "cifar":
        return (residual,)
    return residual, SourceNetwork({**columns, "shortcut": "none"}, epsilon, "plain")
