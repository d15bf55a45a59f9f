"""ShuffleNetV2's names in torchvision; no library has the first version."""

from __future__ import annotations

from collections.abc import Sequence

from kerascnn.weights.name_maps._stages import Block, by_block

# Both branches hold a ReLU between, which counts.
_PARTS = {
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


def _torchvision(names: Sequence[str]) -> dict[str, str]:
    ends = {
        "conv1": "conv1.0",
        "conv1_bn": "conv1.1",
        "conv5": "conv5.0",
        "conv5_bn": "conv5.1",
        "predictions": "fc",
    }

    def inside(block: Block) -> dict[str, str]:
        place = f"stage{block.stage}.{block.index - 1}"
        return {part: f"{place}.{module}" for part, module in _PARTS.items()}

    return by_block(names, ends, inside) if "conv5" in names else {}


LAYOUTS = {"torchvision": _torchvision}
