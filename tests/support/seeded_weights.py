"""Weights and images that any machine draws alike, so that a fixture need not hold them.

Each tensor is drawn from a generator of its own, seeded by its name: the order of the layers and
the version of a framework make no difference. Only the raw bits of PCG64 are used, whose stream
NumPy guarantees; its distributions may change between releases.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np


def uniform(key: str, shape: Sequence[int]) -> np.ndarray:
    """Returns float32 values in [-1, 1) that depend on `key` alone."""
    seed = int.from_bytes(hashlib.sha256(key.encode()).digest()[:16], "big")
    count = prod(shape)
    words = np.random.PCG64(seed).random_raw((count + 1) // 2)
    bits = np.asarray(words, "<u8").view("<u4")[:count] >> 8
    return (bits.astype(np.float32) * np.float32(2.0**-23) - np.float32(1)).reshape(shape)


def weight(key: str, shape: Sequence[int], kind: str, gain: float = 1.0) -> np.ndarray:
    """Returns a tensor of a layer, at a scale at which activations keep theirs.

    Args:
        key: "layer/variable", such as "conv1/kernel".
        shape: in Keras's layout.
        kind: class name of the layer; a depthwise kernel has another fan-in.
        gain: what gamma lies around. A little above 1, what an image brings survives the biases of
            a hundred layers; below, sums over many shortcuts stay small.
    """
    values = uniform(key, shape)
    variable = key.rsplit("/", 1)[1]
    if variable == "gamma":
        return np.float32(gain) + np.float32(0.2) * values
    if variable == "moving_variance":
        return np.float32(1.1) + np.float32(0.3) * values
    if variable.endswith("kernel"):
        if kind == "DepthwiseConv2D":
            fan_in = prod(shape[:2])
        elif kind == "Conv2DTranspose":
            fan_in = shape[0] * shape[1] * shape[3]
        else:
            fan_in = prod(shape[:-1])
        values = np.float32((6 / fan_in) ** 0.5) * values  # a variance of 2 / fan-in
        # A gate far from its ends: sums over fifty shortcuts would drive it there, one way or the
        # other by their last bits.
        return np.float32(0.2) * values if "_se_expand/" in key else values
    if variable in ("bias", "beta", "moving_mean"):
        return np.float32(0.05) * values
    return values


def images(key: str, shape: Sequence[int]) -> np.ndarray:
    """Returns float32 images (N, H, W, C): coarse patches, that pooling keeps, and fine noise."""
    count, height, width, channels = shape
    patches = uniform(f"{key}/patches", (count, 5, 5, channels))
    rows, columns = np.arange(height) * 5 // height, np.arange(width) * 5 // width
    coarse: np.ndarray = patches[:, rows][:, :, columns]
    return coarse + uniform(f"{key}/noise", shape)


def fill(model: Any, gain: float = 1.0) -> dict[str, np.ndarray]:
    """Gives a Keras model the weights that its names stand for, and returns them by name.

    Fixed codes and the states of random generators stay as they are.
    """
    weights = {}
    for layer in model.layers:
        for variable in layer.weights:
            if variable.name not in ("codes", "seed_generator_state"):
                key = f"{layer.name}/{variable.name}"
                weights[key] = weight(key, variable.shape, type(layer).__name__, gain)
                variable.assign(weights[key])
    return weights
