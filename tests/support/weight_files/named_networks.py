"""Checkpoints with the names of transformers and timm; `tools/make_named_networks.py` made them.

The values of each tensor are drawn from its name, so that the file holds only names, shapes and the
outputs that the library computes with them.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from support import seeded_weights

FILE = Path(__file__).resolve().parent.parent / "reference" / "named_networks.json"
SIDES = {"efficientnet": 64, "nasnet": 75}
"""Height and width of the images in pixels; 64 for networks that are not listed."""


def tensor(key: str, shape: tuple[int, ...]) -> np.ndarray:
    """Returns the values of a tensor of PyTorch."""
    if key.endswith("num_batches_tracked"):
        return np.array(3)
    values = seeded_weights.uniform(key, shape)
    if key.endswith("running_var"):
        return np.float32(1.1) + np.float32(0.3) * values
    if len(shape) > 1:
        fan_in = np.prod(shape[1:])
        return np.float32((6 / fan_in) ** 0.5) * values
    if key.endswith("weight"):
        return np.float32(1) + np.float32(0.2) * values
    return np.float32(0.1) * values


def pixels(name: str) -> np.ndarray:
    """Returns the two images that a network's outputs are of, (N, H, W, C)."""
    side = SIDES.get(name, 64)
    return seeded_weights.images(name, (2, side, side, 3))


def checkpoint(name: str) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Returns a network's state dict, and its outputs for `pixels(name)`."""
    fixture = json.loads(FILE.read_text("utf-8"))[name]
    tensors = {key: tensor(key, tuple(shape)) for key, shape in fixture["shapes"].items()}
    return tensors, np.array(fixture["outputs"])
