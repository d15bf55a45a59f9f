"""The names of ShuffleNetV2's layers in torchvision; no library has weights of ShuffleNetV1."""

from __future__ import annotations

from collections.abc import Sequence

from kerascnn.weights.name_maps.block_names import Block, by_block

ENDS = {
    "conv1": "conv1.0",
    "conv1_bn": "conv1.1",
    "conv5": "conv5.0",
    "conv5_bn": "conv5.1",
    "predictions": "fc",
}
# The numbers that are missing are those of ReLUs.
PARTS = {
    "left_dw": "branch1.0",
    "left_dw_bn": "branch1.1",
    "left_conv": "branch1.2",
    "left_conv_bn": "branch1.3",
    "conv1": "branch2.0",
    "conv1_bn": "branch2.1",
    "dw": "branch2.3",
    "dw_bn": "branch2.4",
    "conv2": "branch2.5",
    "conv2_bn": "branch2.6",
}


def _block_in_torchvision(block: Block) -> dict[str, str]:
    prefix = f"stage{block.stage}.{block.index - 1}"
    return {ours: f"{prefix}.{theirs}" for ours, theirs in PARTS.items()}


def torchvision(names: Sequence[str]) -> dict[str, str]:
    """Returns torchvision's module for each of our layers; none for those of ShuffleNetV1."""
    return by_block(names, ENDS, _block_in_torchvision) if "conv5" in names else {}


LAYOUTS = {"torchvision": torchvision}
