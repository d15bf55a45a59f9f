"""EfficientNet's names elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from kerascnn.weights.name_maps._stages import (
    Block,
    by_block,
    inverted_in_timm,
    inverted_in_torchvision,
)


def _torchvision(names: Sequence[str]) -> dict[str, str]:
    ends = {
        "conv1": "features.0.0",
        "conv1_bn": "features.0.1",
        "conv_last": "features.8.0",
        "conv_last_bn": "features.8.1",
        "predictions": "classifier.1",
    }

    def inside(block: Block) -> dict[str, str]:
        prefix = f"features.{block.stage - 1}.{block.index - 1}.block"
        return inverted_in_torchvision(block, prefix)

    return by_block(names, ends, inside)


def _timm(names: Sequence[str]) -> dict[str, str]:
    ends = {
        "conv1": "conv_stem",
        "conv1_bn": "bn1",
        "conv_last": "conv_head",
        "conv_last_bn": "bn2",
        "predictions": "classifier",
    }
    return by_block(names, ends, inverted_in_timm)


def _keras(names: Sequence[str]) -> dict[str, str]:
    ends = {
        "conv1": "stem_conv",
        "conv1_bn": "stem_bn",
        "conv_last": "top_conv",
        "conv_last_bn": "top_bn",
        "predictions": "predictions",
    }

    def inside(block: Block) -> dict[str, str]:
        place = f"block{block.stage - 1}{chr(ord('a') + block.index - 1)}"
        return {
            "expand": f"{place}_expand_conv",
            "expand_bn": f"{place}_expand_bn",
            "dw": f"{place}_dwconv",
            "dw_bn": f"{place}_bn",
            "se_reduce": f"{place}_se_reduce",
            "se_expand": f"{place}_se_expand",
            "project": f"{place}_project_conv",
            "project_bn": f"{place}_project_bn",
        }

    return by_block(names, ends, inside)


LAYOUTS = {"torchvision": _torchvision, "timm": _timm, "keras": _keras}
EPSILONS = {"keras": 1e-3, "timm": 1e-5}
