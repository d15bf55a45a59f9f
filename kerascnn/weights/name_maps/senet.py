"""Names of squeeze-and-excitation networks' layers in timm: its own and the authors' (legacy_*)."""

from __future__ import annotations

from kerascnn.weights.name_maps.resnet import TORCH_BLOCK, TORCH_PARTS, TORCH_STEM, Names

timm = Names(
    TORCH_BLOCK,
    {**TORCH_PARTS, "se_reduce": "se.fc1", "se_expand": "se.fc2"},
    {
        **TORCH_STEM,
        # A deep stem is a sequence whose ReLUs count.
        "conv1_1": "conv1.0",
        "conv1_1_bn": "conv1.1",
        "conv1_2": "conv1.3",
        "conv1_2_bn": "conv1.4",
        "conv1_3": "conv1.6",
        "conv1_3_bn": "bn1",
        "predictions": "fc",
    },
)

legacy = Names(
    TORCH_BLOCK,
    {**TORCH_PARTS, "se_reduce": "se_module.fc1", "se_expand": "se_module.fc2"},
    {
        "conv1": "layer0.conv1",
        "conv1_bn": "layer0.bn1",
        **{f"conv1_{i}": f"layer0.conv{i}" for i in (1, 2, 3)},
        **{f"conv1_{i}_bn": f"layer0.bn{i}" for i in (1, 2, 3)},
        "predictions": "last_linear",
    },
)

LAYOUTS = {"timm": timm, "timm_legacy": legacy}
