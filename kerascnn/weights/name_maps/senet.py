"""The names of squeeze-and-excitation networks' layers in timm: current ones and legacy_*."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kerascnn.weights.name_maps.layout import SourceNetwork
from kerascnn.weights.name_maps.resnet import (
    ANTI_ALIASED,
    TORCH_BLOCK,
    TORCH_PARTS,
    TORCH_STEM,
    Names,
)


def _with_gate(gate: str, others: Mapping[str, str]) -> Names:
    """Returns the names of a ResNet whose blocks have a gate.

    Args:
        gate: the module of a block's squeeze-and-excitation.
        others: the modules of the layers outside of the blocks.
    """
    parts = {**TORCH_PARTS, "se_reduce": f"{gate}.fc1", "se_expand": f"{gate}.fc2"}
    return Names(TORCH_BLOCK, parts, others)


timm = _with_gate(
    "se",
    {
        **TORCH_STEM,
        # A stem of three convolutions is a sequence, in which the ReLUs have numbers too.
        "conv1_1": "conv1.0",
        "conv1_1_bn": "conv1.1",
        "conv1_2": "conv1.3",
        "conv1_2_bn": "conv1.4",
        "conv1_3": "conv1.6",
        "conv1_3_bn": "bn1",
        "predictions": "fc",
    },
)

# The names of the authors' models, which timm keeps for the models called legacy_*.
legacy = _with_gate(
    "se_module",
    {
        "conv1": "layer0.conv1",
        "conv1_bn": "layer0.bn1",
        **{f"conv1_{i}": f"layer0.conv{i}" for i in (1, 2, 3)},
        **{f"conv1_{i}_bn": f"layer0.bn{i}" for i in (1, 2, 3)},
        "predictions": "last_linear",
    },
)

LAYOUTS = {"timm": timm, "timm_legacy": legacy}


def networks(source: str, row: Any) -> tuple[SourceNetwork, ...]:
    """Returns the networks of a source that have the tensors of a row."""
    old = source == "timm_legacy"
    columns: dict[str, Any] = {"ceil_pool": old}
    if row.block == "bottleneck":
        columns["stride_in"] = "1x1" if old and row.groups == 1 else "3x3"
    return SourceNetwork(columns, 1e-5), ANTI_ALIASED
