"""Writes tests/support/reference/named_networks.json: networks of transformers and timm, reduced.

    PYTHON_WITH_TORCH tools/make_named_networks.py

The networks have their libraries' names of tensors and few channels. Each tensor has the values
that `support.seeded_weights` draws for its name, so that the file holds only names, shapes and the
logits of two seeded images. It needs PyTorch, timm and transformers.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from support.weight_files.named_networks import FILE, SIDES, pixels, tensor  # noqa: E402

RESNET: dict[str, Any] = {"embedding_size": 8, "num_labels": 5}


def _networks() -> dict[str, torch.nn.Module]:
    from timm.models.nasnet import NASNetALarge
    from transformers import (
        EfficientNetConfig,
        EfficientNetForImageClassification,
        MobileNetV1Config,
        MobileNetV1ForImageClassification,
        MobileNetV2Config,
        MobileNetV2ForImageClassification,
        ResNetConfig,
        ResNetForImageClassification,
        ResNetModel,
    )

    bottleneck = {"layer_type": "bottleneck", "hidden_sizes": [32, 64, 128, 256]}
    basic = {"layer_type": "basic", "hidden_sizes": [8, 16, 32, 64]}
    deep = ResNetConfig(**RESNET, **bottleneck, depths=[1, 1, 2, 1])
    plain = ResNetConfig(**RESNET, **basic, depths=[1, 1, 1, 1])
    # Narrower networks of ours have a shortcut in the first block, which transformers leaves out.
    mobile = MobileNetV2Config(depth_multiplier=0.35, num_labels=5)
    efficient = EfficientNetConfig(
        width_coefficient=0.5, depth_coefficient=1.0, num_labels=5, hidden_dim=640,
        image_size=SIDES["efficientnet"],
    )  # fmt: skip
    return {
        "resnet50": ResNetForImageClassification(deep),
        "resnet50_backbone": ResNetModel(deep),
        "resnet18": ResNetForImageClassification(plain),
        "mobilenet_v1": MobileNetV1ForImageClassification(
            MobileNetV1Config(depth_multiplier=0.25, num_labels=5)
        ),
        "mobilenet_v2": MobileNetV2ForImageClassification(mobile),
        "efficientnet": EfficientNetForImageClassification(efficient),
        "nasnet": NASNetALarge(num_classes=5, stem_size=5, num_features=192),
    }


def _fixture(name: str, network: torch.nn.Module) -> dict[str, Any]:
    """Fills a network and returns its tensors' shapes and its outputs."""
    state = network.state_dict()
    for key, stored in state.items():
        if not key.endswith("num_batches_tracked"):
            stored.copy_(torch.from_numpy(np.array(tensor(key, tuple(stored.shape)))))
    network.load_state_dict(state)
    network.eval()
    images = torch.from_numpy(np.ascontiguousarray(pixels(name).transpose(0, 3, 1, 2)))
    with torch.no_grad():
        output = network(images)
    if hasattr(output, "logits"):
        output = output.logits
    elif hasattr(output, "pooler_output"):
        output = output.pooler_output.flatten(1)
    shapes = {key: list(stored.shape) for key, stored in state.items()}
    return {"shapes": shapes, "outputs": np.asarray(output, "float64").tolist()}


if __name__ == "__main__":
    fixtures = {name: _fixture(name, network) for name, network in _networks().items()}
    FILE.write_text(json.dumps(fixtures, separators=(",", ":")) + "\n", "utf-8")
