"""Names of ResNets' layers in torchvision, timm, keras.applications and CIFAR checkpoints.

The other residual families take their tables from here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

# Ours: conv3_2_conv1_bn is in the second block of the second stage; stage 1 is the stem.
_BLOCK = re.compile(r"conv([2-9])_(\d+)_(\w+)")


@dataclass(frozen=True)
class Names:
    """A source's names.

    Args:
        block: its prefix of a block's layers, of `stage` (2 is the first), `block` (1 is the first)
            and both counted from one less.
        parts: our name of a layer inside a block -> the source's.
        others: our name of a layer outside the blocks -> the source's.
    """

    block: str
    parts: Mapping[str, str]
    others: Mapping[str, str]

    def __call__(self, names: Sequence[str]) -> dict[str, str]:
        """Returns the source's module for each of our layers, without those that it lacks."""
        found = {}
        for name in names:
            inside = _BLOCK.fullmatch(name)
            if inside and inside[3] in self.parts:
                stage, block = int(inside[1]), int(inside[2])
                prefix = self.block.format(
                    stage=stage, block=block, stage_before=stage - 1, block_before=block - 1
                )
                found[name] = prefix + self.parts[inside[3]]
            elif name in self.others:
                found[name] = self.others[name]
        return found


CONVS = {f"conv{i}": f"conv{i}" for i in (1, 2, 3)} | {f"conv{i}_bn": f"bn{i}" for i in (1, 2, 3)}
TORCH_BLOCK = "layer{stage_before}.{block_before}."
TORCH_PARTS = {**CONVS, "shortcut": "downsample.0", "shortcut_bn": "downsample.1"}
TORCH_STEM = {"conv1": "conv1", "conv1_bn": "bn1"}

torchvision = Names(TORCH_BLOCK, TORCH_PARTS, {**TORCH_STEM, "predictions": "fc"})

# bn1 to bn3 are in pre-activated blocks, where each precedes the convolution of its number.
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

# Keras's published files are older than its code, where the classifier had another name.
keras_files = replace(keras, others={**keras.others, "predictions": "probs"})

# As in github.com/akamaster/pytorch_resnet_cifar10, whose zero channels lie where ours do.
cifar = Names(
    TORCH_BLOCK,
    {**CONVS, "shortcut": "shortcut.0", "shortcut_bn": "shortcut.1"},
    {**TORCH_STEM, "predictions": "linear"},
)

LAYOUTS = {
    "torchvision": torchvision,
    "timm": torchvision,
    "keras": keras,
    "keras_files": keras_files,
    "cifar": cifar,
}
EPSILONS = {
    "torchvision": 1e-5,
    "timm": 1e-5,
    "keras": 1.001e-5,
    "keras_files": 1.001e-5,
    "cifar": 1e-5,
}
